"""No two files of the package, and none of the build, need each other, not even for types or inside functions."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from test_tidy import MODULES, PACKAGE, SCRIPTS, tree_of

pytestmark = pytest.mark.quick


def module_of(path: Path) -> str:
    return ".".join(("uruk", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def needs_of(module: str, tree: ast.Module, modules: Iterable[str]) -> set[str]:
    """The other modules of the package that a file imports anywhere in it."""
    needed: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            needed |= {name if name in modules else str(node.module) for name in names}
        elif isinstance(node, ast.Import):
            needed |= {alias.name for alias in node.names}
    return (needed & set(modules)) - {module}


def needs_of_script(tree: ast.Module, scripts: Iterable[str]) -> set[str]:
    """The other files of `build_support` that one of them imports anywhere in it, by names without a folder."""
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    named = {node.module for node in imports if node.module}
    return (named | {alias.name for node in imports if not node.module for alias in node.names}) & set(scripts)


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Some circle, its first module repeated at the end; empty if there is none."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


NAMES = frozenset(map(module_of, MODULES))
GRAPH = {module_of(path): needs_of(module_of(path), tree_of(path), NAMES) for path in MODULES}
BUILD = {path.stem: tree_of(path) for path in SCRIPTS if path.parent.name == "build_support"}


def test_no_circles() -> None:
    circle = circle_in(GRAPH)
    assert not circle, (
        f"{' -> '.join(reversed(circle))}: move what both need to a file below them, or hand it in from the upper one"
    )


def test_no_circles_in_the_build() -> None:
    graph = {name: needs_of_script(tree, BUILD) for name, tree in BUILD.items()}
    assert graph["__main__"] == {"executor", "targets", "toolchains"}
    circle = circle_in(graph)
    assert not circle, " -> ".join(reversed(circle))


def test_a_circle_of_types_is_noticed() -> None:
    typed = ast.parse("if TYPE_CHECKING:\n    from uruk.b import B")
    inner = ast.parse("def f():\n    from uruk import a")
    names = {"uruk.a", "uruk.b"}
    graph = {"uruk.a": needs_of("uruk.a", typed, names), "uruk.b": needs_of("uruk.b", inner, names)}
    assert set(circle_in(graph)) == names
