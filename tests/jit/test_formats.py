"""A format from outside of uruk is registered, read and linked; formats are not mixed within one link."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk
from compiling import Compile
from line_format import LineFormat
from uruk.errors import LinkError, ObjectFormatError, UndefinedSymbols, UnknownTarget
from uruk.formats.registry import format_named, format_of, register, unregister

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
    coff = (0x8664).to_bytes(2, "little") + bytes(40)
    with pytest.raises(ObjectFormatError, match=r"it is a COFF object for x86-64; uruk links ELF and LINES$"):
        jit.add_object(coff, "x.obj")
    unregister(lines)
    with pytest.raises(ObjectFormatError, match=r"it is a COFF object for x86-64; uruk links ELF$"):
        jit.add_object(coff, "x.obj")
    register(lines)


def test_names_of_formats(lines: LineFormat) -> None:
    with pytest.raises(ValueError, match="there is a format `lines' already"):
        register(LineFormat())
    with pytest.raises(UnknownTarget, match=r"no target `format a.out'; there are format elf, format lines"):
        format_named("a.out")


def test_a_session_for_windows_is_refused() -> None:
    with pytest.raises(ValueError, match="format coff"):
        uruk.LLJIT(options=uruk.Options(execute=False, architecture="x86_64-w64-mingw32"))


def test_an_undefined_symbol_where_no_libraries_are_known() -> None:
    """A hint would look for libraries of the system, and uruk knows none of Windows: the error stays the same."""
    format = LineFormat()
    format.name = "coff"
    register(format)
    try:
        with uruk.LLJIT(options=uruk.Options(execute=False, architecture="x86_64-w64-mingw32")) as jit:
            jit.add_object(OUTER, "outer.lines")
            with pytest.raises(UndefinedSymbols, match="inner"):
                jit.lookup("outer")
            with pytest.raises(UnknownTarget, match="x86_64-linux"):
                jit.add_library("m")
    finally:
        unregister(format)
