"""A format from outside of uruk is registered, read and linked; formats are not mixed within one link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import uruk
from uruk.errors import LinkError, ObjectFormatError, UndefinedSymbols, UnknownTarget
from uruk.formats.registry import format_named, format_of, read_objects, register, unregister
from uruk.graph.arena import Arena
from uruk.graph.graph import Zone
from uruk.graph.names import Names
from uruk.graph.types import I64, Bool
from uruk.graph.verify import verify
from uruk.passes.layout import Layout
from uruk.passes.rules import Rules
from uruk.passes.state import State, synthetic_blocks
from uruk.passes.undefined import Hints
from uruk.target import Target

from support.coff_objects import assembled
from support.compiling import Compile
from support.line_format import LineFormat

pytestmark = pytest.mark.quick

OUTER = b"LINES x86_64\nouter 4883ec08e8000000004883c408ffc0c3 call 5 inner\n"
INNER = b"LINES x86_64\ninner b829000000c3\n"


@pytest.fixture
def lines() -> Iterator[LineFormat]:
    format = LineFormat()
    register(format)
    yield format
    unregister(format)


def test_it_is_linked_by_its_own_reader(jit: uruk.LLJIT, lines: LineFormat) -> None:
    assert format_of(OUTER) is format_named("lines") is lines
    jit.add_object(INNER, "inner.lines")
    jit.add_object(OUTER, "outer.lines")
    assert jit.lookup("outer").function("int(void)")() == 42


def test_several_objects_at_once(jit: uruk.LLJIT, lines: LineFormat) -> None:
    jit.add_objects([OUTER, INNER])
    assert jit.lookup("outer").function("int(void)")() == 42


def test_a_large_file_is_read_whole(jit: uruk.LLJIT, lines: LineFormat, tmp_path: Path) -> None:
    (tmp_path / "large.lines").write_bytes(b"LINES x86_64\nfiller " + b"90" * (1 << 20) + b"\n" + INNER[13:])
    jit.add_object(tmp_path / "large.lines")
    assert jit.lookup("inner").function("int(void)")() == 41


def test_code_of_another_format_is_called_once_it_is_linked(jit: uruk.LLJIT, lines: LineFormat, cc: Compile) -> None:
    jit.add_object(cc("int inner(void) { return 4; }"))
    jit.lookup("inner")
    jit.add_object(OUTER, "outer.lines")
    assert jit.lookup("outer").function("int(void)")() == 5


def test_two_formats_in_one_link(jit: uruk.LLJIT, lines: LineFormat, cc: Compile) -> None:
    jit.add_object(cc("int inner(void) { return 4; }", name="inner"))
    jit.add_object(OUTER, "outer.lines")
    with pytest.raises(LinkError, match=r"one format and architecture: .* is \w+ for x86-64, .* is \w+ for"):
        jit.lookup("outer")
    assert jit.lookup("inner").function("int(void)")() == 4  # the session goes on


def test_two_formats_added_at_once(jit: uruk.LLJIT, lines: LineFormat, cc: Compile, tmp_path: Path) -> None:
    elf = cc("int inner(void) { return 4; }", name="inner")
    lines_file = tmp_path / "outer.lines"
    lines_file.write_bytes(OUTER)
    with pytest.raises(ObjectFormatError, match=r"outer\.lines: .* one format: it is LINES, .*inner\.o is ELF"):
        jit.add_objects([elf, lines_file])
    jit.add_object(elf)
    assert jit.lookup("inner").function("int(void)")() == 4


def test_what_no_format_knows(jit: uruk.LLJIT, lines: LineFormat) -> None:
    macho = bytes.fromhex("cffaedfe0c000001") + bytes(4) + b"\1" + bytes(40)
    with pytest.raises(ObjectFormatError, match=r"it is a Mach-O object for arm64; uruk links COFF, ELF and LINES$"):
        jit.add_object(macho, "x.obj")
    unregister(lines)
    with pytest.raises(ObjectFormatError, match=r"it is a Mach-O object for arm64; uruk links COFF and ELF$"):
        jit.add_object(macho, "x.obj")
    register(lines)


def test_names_of_formats(lines: LineFormat) -> None:
    with pytest.raises(ValueError, match="there is a format `lines' already"):
        register(LineFormat())
    with pytest.raises(
        UnknownTarget, match=r"no target `format a.out'; there are format coff, format elf, format lines"
    ):
        format_named("a.out")


def test_a_session_for_a_format_without_such_a_machine_is_refused() -> None:
    with pytest.raises(ValueError, match="riscv64-windows"):
        uruk.LLJIT(options=uruk.Options(execute=False, architecture="riscv64-windows"))


def test_an_undefined_symbol_where_no_libraries_are_known(tmp_path: Path) -> None:
    """A hint would look for libraries of the system, and uruk knows none of this one: the error stays the same."""
    outer = assembled(tmp_path, "outer", ".globl outer\nouter: jmp inner\n")
    with uruk.LLJIT(options=uruk.Options(execute=False, architecture=Target("elf", "x86_64", "none"))) as jit:
        jit.add_object(outer)
        with pytest.raises(UndefinedSymbols, match="inner"):
            jit.lookup("outer")
        with pytest.raises(UnknownTarget, match="x86_64-linux"):
            jit.add_library("m")


class ReturnRules(Rules):
    """Every module has a function `__return` of its own, which the link makes."""

    private_names = (b"__return",)
    links = 0

    def find_names(self) -> None:
        """See `Rules.find_names`."""
        state = self.state
        ReturnRules.links += 1
        texts = [state.names.text(number) for number in state.symbols.name[state.undefined].tolist()]
        self.rows = [row for row, text in enumerate(texts) if text == b"__return"]
        objects = [state.graph.object_of_symbol(int(state.undefined[row])) for row in self.rows]
        one = np.ones(len(self.rows), np.int64)
        content = one * state.graph.arena.append(np.frombuffer(b"\xc3", np.uint8).copy())
        new = synthetic_blocks(one, one, Zone.RX, content)
        self.blocks = state.add_blocks(new, state.module_of_object[objects])

    def provided(self) -> Bool:
        """See `Rules.provided`."""
        own = super().provided()
        own[self.rows] = True
        return own

    def define_names(self, layout: Layout, start: I64, header: int | None, hints: Hints | None) -> None:
        """See `Rules.define_names`."""
        if self.rows:
            assert self.state.external is not None
            self.state.external.address[self.rows] = self.state.address[self.blocks]


CALLS_RETURN = b"LINES x86_64\n%s b8070000004883ec08e8000000004883c408c3 call 10 __return\n"


@pytest.fixture
def lines_with_rules() -> Iterator[LineFormat]:
    format = LineFormat()
    format.rules = ReturnRules
    register(format)
    yield format
    unregister(format)


def test_a_format_provides_names_by_its_rules(lines_with_rules: LineFormat) -> None:
    """One object of rules a link; each module gets a function of its own."""
    ReturnRules.links = 0
    with uruk.LLJIT() as jit:
        seen: list[set[int]] = []

        def look(state: State) -> None:
            assert state.external is not None
            seen.append(set(state.external.address.tolist()))

        jit.add_pass("after addresses", look)
        for name in (b"first", b"second"):
            jit.add_object(CALLS_RETURN % name, "x.lines")
            assert jit.lookup(name.decode()).function("int(void)")() == 7
    assert ReturnRules.links == 2
    assert all(len(addresses) == 1 for addresses in seen)
    assert len(seen[0] | seen[1]) == 2


def test_names_of_elf_are_no_names_of_other_formats(jit: uruk.LLJIT, lines: LineFormat, cc: Compile) -> None:
    """The defaults provide nothing, whatever ELF objects of the same session are given."""
    jit.add_object(CALLS_RETURN.replace(b"__return", b"_GLOBAL_OFFSET_TABLE_") % b"odd", "odd.lines")
    with pytest.raises(UndefinedSymbols, match="_GLOBAL_OFFSET_TABLE_"):
        jit.lookup("odd")
    jit.add_object(cc("extern char __dso_handle; char *handle(void) { return &__dso_handle; }"))
    assert jit.lookup("handle").function("unsigned long(void)")() != 0


def test_rules_that_are_none(lines: LineFormat) -> None:
    lines.rules = int
    with pytest.raises(
        TypeError, match=r"rules of the format `lines' must be a subclass of uruk\.passes\.rules\.Rules"
    ):
        uruk.LLJIT()


@pytest.mark.parametrize("target", [Target("elf", "x86_64", "linux"), Target("coff", "aarch64", "windows")])
def test_no_objects(target: Target) -> None:
    graph = read_objects(Arena.join([])[0], [], target, Names())
    assert [len(graph.blocks), len(graph.symbols), len(graph.groups), len(graph.relocations)] == [0] * 4
    verify(graph)
