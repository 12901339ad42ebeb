"""No two files of the package need each other, not even for types or inside functions."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from test_tidy import MODULES, PACKAGE, tree_of

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


def test_no_circles() -> None:
    circle = circle_in(GRAPH)
    assert not circle, (
        f"{' -> '.join(reversed(circle))}: move what both need to a file below them, or hand it in from the upper one"
    )


def test_a_circle_of_types_is_noticed() -> None:
    typed = ast.parse("if TYPE_CHECKING:\n    from uruk.b import B")
    inner = ast.parse("def f():\n    from uruk import a")
    names = {"uruk.a", "uruk.b"}
    graph = {"uruk.a": needs_of("uruk.a", typed, names), "uruk.b": needs_of("uruk.b", inner, names)}
    assert set(circle_in(graph)) == names
