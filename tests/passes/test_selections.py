"""COMDAT selections and fallbacks of symbols, which other formats than ELF have: set in graphs that a reader made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pytest

import uruk
from uruk.graph.graph import Fallbacks, Graph, Selection
from uruk.graph.types import true_rows
from uruk.graph.verify import verify
from uruk.orc.session import Session

from support.compiling import Compile
from support.small import call

pytestmark = pytest.mark.quick

Change: TypeAlias = Callable[[Callable[[Graph], Graph]], None]

GROUP = """
    .section .text.g,"axG",@progbits,g,comdat
    .globl g
    .type g, @function
g:  mov ${value}, %eax
    ret
    {padding}
    .size g, . - g
"""


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch) -> Change:
    """Changes graphs as they are read."""

    def install(changed: Callable[[Graph], Graph]) -> None:
        def change_what(reads: Callable[..., Graph]) -> Callable[..., Graph]:
            def read(*args: Any, **options: Any) -> Graph:
                graph = changed(reads(*args, **options))
                verify(graph)
                return graph

            return read

        for name in ("parse", "parse_arena"):
            monkeypatch.setattr(Session, name, change_what(getattr(Session, name)))

    return install


def choose(how: int) -> Callable[[Graph], Graph]:
    """All groups are chosen in one way, by their first block."""

    def changed(graph: Graph) -> Graph:
        count = len(graph.groups)
        leader = np.array([true_rows(graph.blocks.group == row)[0] for row in range(count)], np.int32)
        groups = graph.groups.replaced(selection=np.full(count, how, np.uint8), leader=leader)
        return replace(graph, groups=groups)

    return changed


def group(cc: Compile, value: int, padding: str = "") -> bytes:
    text = GROUP.format(value=value, padding=padding).replace('"', '\\"').replace("\n", "\\n")
    return cc(f'asm("{text}");')


@pytest.mark.parametrize("together", [True, False])
def test_what_may_be_one_is_the_first(cc: Compile, jit: uruk.LLJIT, change: Change, together: bool) -> None:
    for how, second in (
        (Selection.ANY, group(cc, 2, "nop")),
        (Selection.SAME_SIZE, group(cc, 2)),
        (Selection.EXACT, group(cc, 1)),
    ):
        change(choose(how))
        dylib = jit.create_dylib(f"dylib{how}")
        if together:
            dylib.add_objects([group(cc, 1), second])
        else:
            dylib.add_object(group(cc, 1))
            dylib.add_object(second)
        assert call(jit, "g", dylib) == 1


@pytest.mark.parametrize("together", [True, False])
def test_what_may_not_be_one_is_refused(cc: Compile, jit: uruk.LLJIT, change: Change, together: bool) -> None:
    for how, second, text in (
        (Selection.SAME_SIZE, group(cc, 1, "nop"), "must have the same size"),
        (Selection.EXACT, group(cc, 2), "must have the same content"),
        (Selection.SINGLE, group(cc, 1), "only one object may define it"),
    ):
        change(choose(how))
        dylib = jit.create_dylib(f"dylib{how}")
        first = dylib.add_object(group(cc, 1)) if not together else None
        with pytest.raises(uruk.DuplicateDefinition, match=f"`g' is defined twice: .*{text}"):
            dylib.add_objects([group(cc, 1), second] if together else [second])
        if first is not None:
            assert call(jit, "g", dylib) == 1
            first.remove()
        dylib.add_object(second)  # nothing of the first one is left to compare with
        assert call(jit, "g", dylib) in (1, 2)


def test_the_largest_of_those_added_together(cc: Compile, jit: uruk.LLJIT, change: Change) -> None:
    change(choose(Selection.LARGEST))
    jit.add_objects([group(cc, 1), group(cc, 2, "nop; nop"), group(cc, 3, "nop; nop"), group(cc, 4)])
    assert jit.executor.process.call(jit.lookup("g").address) == 2


USER = "int f(void); int own(void) { return 5; } int call(void) { return f(); }"


def fall_back(pairs: dict[str, str]) -> Callable[[Graph], Graph]:
    """Symbols fall back to others of their object, by name."""

    def changed(graph: Graph) -> Graph:
        found: list[tuple[int, int]] = []
        for first, last in zip(graph.ranges.symbols[:-1].tolist(), graph.ranges.symbols[1:].tolist(), strict=True):
            rows = {graph.symbol_name(row): row for row in range(first, last)}
            found += [(rows[name], rows[other]) for name, other in pairs.items() if name in rows and other in rows]
        found.sort()
        symbol, instead = np.array(found, np.int32).reshape(-1, 2).T
        return replace(graph, fallbacks=Fallbacks(symbol.copy(), instead.copy()))

    return changed


def test_a_fallback_of_the_object_itself(cc: Compile, jit: uruk.LLJIT, change: Change) -> None:
    change(fall_back({"f": "own"}))
    jit.add_object(cc(USER))
    assert jit.executor.process.call(jit.lookup("call").address) == 5


@pytest.mark.parametrize("first", [True, False])
def test_a_definition_comes_before_a_fallback(cc: Compile, jit: uruk.LLJIT, change: Change, first: bool) -> None:
    change(fall_back({"f": "own"}))
    objects = [cc(USER), cc("int f(void) { return 7; }")]
    jit.add_objects(objects[::-1] if first else objects)
    assert jit.executor.process.call(jit.lookup("call").address) == 7


def test_a_fallback_holds_for_every_reference_and_may_be_undefined_itself(
    cc: Compile,
    jit: uruk.LLJIT,
    change: Change,
) -> None:
    change(fall_back({"f": "g", "g": "h", "h": "f"}))
    jit.add_objects(
        [
            cc(
                "int f(void); int g(void); int h(void), other(void);"
                "int all(void) { return f() + 10 * g() + 100 * h() + 1000 * other(); }"
            ),
            cc("int f(void); int other(void) { return f(); }"),
        ]
    )
    with pytest.raises(uruk.UrukError):
        jit.lookup("nothing_of_the_kind")
    jit.add_object(cc("int h(void) { return 3; }"))
    assert jit.executor.process.call(jit.lookup("all").address) == 3333
