"""No two files of the package need each other, not even for types or inside functions.

`UNDER_WAY` lists those that still do; it may only shrink.
"""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from test_tidy import MODULES, PACKAGE, tree_of

pytestmark = pytest.mark.quick

UNDER_WAY = frozenset(
    f"uruk.orc.{name}"
    for name in """
    dylib generators introspection platform session units
    lifetime.closing lifetime.dlopen lifetime.forking lifetime.initialization lifetime.removal lifetime.withheld
    lookup.archive_order lookup.closure lookup.displaced lookup.exports lookup.externals lookup.failures
    lookup.hidden_bases lookup.linking lookup.materialize lookup.query lookup.runtime_parts
    registry.adding registry.defining registry.entries registry.lazy
    registry.search registry.tracker
    """.split()
)
"""What names `Session` or `JITDylib`, which stand on top of it: the registry is to be told apart from them."""


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


def needs_itself(module: str, graph: dict[str, set[str]]) -> bool:
    reached: set[str] = set()
    waiting = [*graph[module]]
    while waiting:
        other = waiting.pop()
        if other not in reached:
            reached.add(other)
            waiting += graph[other]
    return module in reached


NAMES = frozenset(map(module_of, MODULES))
GRAPH = {module_of(path): needs_of(module_of(path), tree_of(path), NAMES) for path in MODULES}


def test_no_circles() -> None:
    joined = "what is under way"
    graph: dict[str, set[str]] = {}
    for module, needs in GRAPH.items():
        node = joined if module in UNDER_WAY else module
        graph.setdefault(node, set()).update({joined if need in UNDER_WAY else need for need in needs} - {node})
    circle = circle_in(graph)
    assert not circle, (
        f"{' -> '.join(reversed(circle))}: move what both need to a file below them, or hand it in from the upper one"
    )


def test_circles_only_shrink() -> None:
    done = sorted(module for module in UNDER_WAY if module not in GRAPH or not needs_itself(module, GRAPH))
    assert not done, f"in no circle any more: take {', '.join(done)} out of UNDER_WAY in tests/house/test_circles.py"


def test_a_circle_of_types_is_noticed() -> None:
    typed = ast.parse("if TYPE_CHECKING:\n    from uruk.b import B")
    inner = ast.parse("def f():\n    from uruk import a")
    names = {"uruk.a", "uruk.b"}
    graph = {"uruk.a": needs_of("uruk.a", typed, names), "uruk.b": needs_of("uruk.b", inner, names)}
    assert set(circle_in(graph)) == names
