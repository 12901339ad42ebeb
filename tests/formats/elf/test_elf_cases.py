"""Objects with one thing wrong: each is refused with file, structure and offset, and the session goes on."""

from __future__ import annotations

import contextlib
import struct
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from uruk import LLJIT
from uruk.errors import AllocationError, ObjectFormatError, UndefinedSymbols, UnsupportedRelocation
from uruk.orc.registry.options import Options

from support.elf_picture import GROUP, NOBITS, RELA_TYPE, SYMTAB, Picture
from support.sample_objects import StillWorks, compiled

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

SHNDX, REL, WRITE, ALLOC, EXECINSTR, TLS, COMPRESSED = 18, 9, 1, 2, 4, 0x400, 0x800
Break = Callable[[Picture], "int | None"]
"""Breaks a picture; returns the offset that the error must name, None where it has none, -1 for any."""


@dataclass(frozen=True)
class Case:
    """What to break in which object, and words that the error's structure and problem must have."""

    name: str
    fixture: str
    structure: str
    problem: str
    apply: Break


def header(field: str, value: int, offset: int | None) -> Break:
    """Change a field of the ELF header."""

    def apply(picture: Picture) -> int | None:
        picture.header(field, value)
        return offset

    return apply


def section(name: str, /, **values: int) -> Break:
    """Change fields of the header of a section."""

    def apply(picture: Picture) -> int:
        index = picture.find(name)
        picture.set(index, **values)
        return picture.table + 64 * index

    return apply


def elsewhere(apply: Break) -> Break:
    """The error is found at another place than the one that was changed."""

    def broken(picture: Picture) -> int:
        apply(picture)
        return -1

    return broken


def entry(table: str, index: int | str, /, *, named: bool, **values: int) -> Break:
    """Change a symbol or relocation; `named`: the error gives its offset."""

    def apply(picture: Picture) -> int | None:
        row = picture.symbol_index(index) if isinstance(index, str) else index
        picture.set_entry(picture.find(table), row, **values)
        return picture.offset(picture.find(table)) + 24 * row if named else None

    return apply


def group_word(word: int, value: Callable[[Picture, int], int]) -> Break:
    """Change a word of the first section group."""

    def apply(picture: Picture) -> int:
        group = picture.of_type(GROUP)[0]
        picture.put32(picture.offset(group) + 4 * word, value(picture, group))
        return picture.table + 64 * group

    return apply


def no_nul(name: str) -> Break:
    """Let a string table end in a letter."""

    def apply(picture: Picture) -> int:
        index = picture.find(name)
        picture.data[picture.offset(index) + picture.get(index, "size") - 1] = ord("x")
        return picture.table + 64 * index

    return apply


def two_groups(picture: Picture) -> int:
    """Name the first group's member in the second one, too."""
    first, second = picture.of_type(GROUP)[:2]
    member = struct.unpack_from("<I", picture.data, picture.offset(first) + 4)[0]
    picture.put32(picture.offset(second) + 4, member)
    return picture.table + 64 * first


def overlapping_tables(picture: Picture) -> int:
    """Many relocation tables over the same bytes."""
    model = picture.find(".rela.text")
    start = picture.append(bytes(24 * 40_000))
    picture.set(model, offset=start, size=24 * 40_000)
    repeat_header(picture, model, 20_000)
    return picture.table


def overlapping_names(picture: Picture) -> int:
    """Many symbols whose names are all one long string."""
    symtab = picture.of_type(SYMTAB)[0]
    strings = picture.get(symtab, "link")
    picture.set(strings, offset=picture.append(b"\0" + b"n" * 100_000 + b"\0"), size=100_002)
    one = struct.pack("<IBBHQQ", 1, 0x10, 0, 0, 0, 0)
    rows = bytes(24) + b"".join(one[:4] + one[4:] for _ in range(20_000))
    picture.set(symtab, offset=picture.append(rows), size=len(rows), info=1)
    for index in (*picture.of_type(RELA_TYPE), *picture.of_type(GROUP)):
        picture.set(index, type=0)
    return picture.table + 64 * symtab


def extended(index: int, *, tables: int = 1, size_change: int = 0) -> Break:
    """Give `entry` an extended section index, in SHT_SYMTAB_SHNDX tables made of sections that nobody needs."""

    def apply(picture: Picture) -> int | None:
        symtab = picture.of_type(SYMTAB)[0]
        count = picture.get(symtab, "size") // 24
        symbol = picture.symbol_index("entry")
        picture.set_entry(symtab, symbol, shndx=0xFFFF)
        words = bytearray(4 * count)
        struct.pack_into("<I", words, 4 * symbol, index)
        changed = [picture.find(name) for name in (".comment", ".note.GNU-stack")[:tables]]
        for one in changed:
            start = picture.append(bytes(words))
            picture.set(one, type=SHNDX, offset=start, size=len(words) + size_change, link=symtab, flags=0, entsize=4)
        if not tables or (tables == 1 and not size_change):
            return picture.offset(symtab) + 24 * symbol
        return picture.table + 64 * changed[-1]

    return apply


CASES = [
    Case("magic", "gcc", "ELF header", "not an ELF", lambda p: p.data.__setitem__(0, 0) or 0),
    Case("32-bit", "gcc", "ELF header", "64-bit", header("class", 1, 4)),
    Case("big-endian", "gcc", "ELF header", "little-endian", header("data", 2, 4)),
    Case("executable", "gcc", "ELF header", "an executable", header("type", 2, 16)),
    Case("shared", "gcc", "ELF header", "shared object", header("type", 3, 16)),
    Case("core", "gcc", "ELF header", "core", header("type", 4, 16)),
    Case("machine", "gcc", "ELF header", "machine 183", header("machine", 183, 18)),
    Case("no sections", "gcc", "ELF header", "no section header table", header("shoff", 0, 40)),
    Case("headers outside", "gcc", "section header table", "outside", header("shoff", (1 << 64) - 64, 40)),
    Case("header size", "gcc", "ELF header", "40 bytes", header("shentsize", 40, 58)),
    Case("too many headers", "gcc", "section header table", "do not fit", header("shnum", 0xFEFF, -1)),
    Case("name table index", "gcc", "ELF header", "name table", header("shstrndx", 0xFE00, 62)),
    Case("name table kind", "gcc", "section", "not a string table", lambda p: p.header("shstrndx", 1) or p.table + 64),
    Case("name", "gcc", "section", "name outside", section(".text", name=0xFFFFFFFF)),
    Case("names without NUL", "gcc", "section", "section name table does not end in NUL", no_nul(".shstrtab")),
    Case("symbol names without NUL", "gcc", "`.strtab'", "NUL", no_nul(".strtab")),
    Case("no symbol names", "gcc", "`.strtab'", "empty", section(".strtab", size=0)),
    Case("content outside", "gcc", "section", "outside the file", section(".text", offset=1 << 40)),
    Case("content wraps", "gcc", "section", "outside the file", section(".text", offset=(1 << 64) - 8, size=16)),
    Case("size 2^64-1", "gcc", "section", "outside the file", section(".text", size=(1 << 64) - 1)),
    Case("size 2^63", "gcc", "section", "outside the file", section(".text", size=1 << 63)),
    Case("bss 2^40", "gcc", "`.bss'", "cannot be loaded", section(".bss", size=1 << 40)),
    Case("bss 2^64-1", "gcc", "`.bss'", "cannot be loaded", section(".bss", size=(1 << 64) - 1)),
    Case("alignment 3", "gcc", "`.text'", "power of two", section(".text", align=3)),
    Case("alignment 2^40", "gcc", "`.text'", "alignment", section(".text", align=1 << 40)),
    Case("alignment 2^63", "gcc", "`.text'", "power of two", section(".text", align=1 << 63)),
    Case("compressed", "gcc", "`.data", "compressed", section(".data", flags=WRITE | ALLOC | COMPRESSED)),
    Case("W and X", "gcc", "`.data", "writable and executable", section(".data", flags=WRITE | ALLOC | EXECINSTR)),
    Case("two symbol tables", "gcc", "`.symtab'", "second symbol table", elsewhere(section(".comment", type=SYMTAB))),
    Case("symtab link to itself", "gcc", "`.symtab'", "not a string table", lambda p: link_to_itself(p)),
    Case("symtab link outside", "gcc", "`.symtab'", "does not exist", section(".symtab", link=0xFFFFFFFF)),
    Case("symbol size", "gcc", "`.symtab'", "24 bytes", section(".symtab", entsize=16)),
    Case("half a symbol", "gcc", "`.symtab'", "multiple", section(".symtab", size=25)),
    Case("overlap", "gcc", "section header table", "overlap", overlapping_tables),
    Case("names overlap", "gcc", "`.symtab'", "overlap", overlapping_names),
    Case("symbol name", "gcc", "symbol", "string table", entry(".symtab", "entry", named=True, name=1 << 31)),
    Case("symbol section", "gcc", "symbol", "does not exist", entry(".symtab", "entry", named=True, shndx=0xFEFF)),
    Case("reserved section", "gcc", "symbol", "does not exist", entry(".symtab", "entry", named=True, shndx=0xFF20)),
    Case("binding", "gcc", "symbol", "binding", entry(".symtab", "entry", named=True, info=0xF2)),
    Case("symbol type", "gcc", "symbol", "type", entry(".symtab", "entry", named=True, info=0x1F)),
    Case("value", "gcc", "symbol", "outside its section", entry(".symtab", "entry", named=True, value=1 << 20)),
    Case("value 2^64-1", "gcc", "symbol", "outside", entry(".symtab", "entry", named=True, value=(1 << 64) - 1)),
    Case("TLS in code", "gcc", "symbol", "thread-local", entry(".symtab", "entry", named=True, info=0x16)),
    Case("TLS absolute", "gcc", "symbol", "thread-local",
         entry(".symtab", "counter", named=True, info=0x16, shndx=0xFFF1)),
    Case("IFUNC in data", "gcc", "symbol", "indirect", entry(".symtab", "counter", named=True, info=0x1A)),
    Case("common align 0", "clang", "symbol", "power of two", entry(".symtab", "shared_buffer", named=True, value=0)),
    Case("common align 3", "clang", "symbol", "power of two", entry(".symtab", "shared_buffer", named=True, value=3)),
    Case("common align", "clang", "symbol", "too large", entry(".symtab", "shared_buffer", named=True, value=1 << 63)),
    Case("common size", "clang", "symbol", "too large",
         entry(".symtab", "shared_buffer", named=True, size=(1 << 64) - 1)),
    Case("extended index", "gcc", "symbol", "does not exist", extended(0xFFFFFFFF)),
    Case("no extended table", "gcc", "symbol", "no table", extended(1, tables=0)),
    Case("extended size", "gcc", "section", "does not match", extended(1, size_change=-4)),
    Case("two extended tables", "gcc", "section", "second table", extended(1, tables=2)),
    Case("field outside", "gcc", "relocation 0 of section `.text'", "outside",
         entry(".rela.text", 0, named=False, offset=1 << 20)),
    Case("field across the end", "gcc", "relocation 0", "outside", lambda p: across_the_end(p)),
    Case("field at 2^64-4", "gcc", "relocation 1", "outside",
         entry(".rela.text", 1, named=False, offset=(1 << 64) - 4)),
    Case("symbol index", "gcc", "relocation 2", "symbol that does not exist",
         entry(".rela.text", 2, named=False, symbol=99)),
    Case("symbol 2^32-1", "gcc", "relocation 0", "symbol", entry(".rela.text", 0, named=False, symbol=(1 << 32) - 1)),
    Case("REL", "gcc", "`.rela.text'", "SHT_REL", section(".rela.text", type=REL, entsize=16)),
    Case("rela size", "gcc", "`.rela.text'", "multiple", section(".rela.text", size=23)),
    Case("rela entry size", "gcc", "`.rela.text'", "24 bytes", section(".rela.text", entsize=0)),
    Case("rela of no section", "gcc", "`.rela.text'", "does not exist", section(".rela.text", info=1 << 31)),
    Case("rela of the section behind the last", "gcc", "`.rela.text'", "does not exist",
         lambda p: section(".rela.text", info=p.count)(p)),
    Case("symbol in the section behind the last", "gcc", "symbol", "does not exist",
         lambda p: entry(".symtab", "entry", named=True, shndx=p.count)(p)),
    Case("symbol behind the last", "gcc", "relocation 2", "symbol that does not exist",
         lambda p: entry(".rela.text", 2, named=False, symbol=p.get(p.find(".symtab"), "size") // 24)(p)),
    Case("names of symbols in the section behind the last", "gcc", "`.symtab'", "does not exist",
         lambda p: section(".symtab", link=p.count)(p)),
    Case("name behind the last", "gcc", "section", "name outside",
         lambda p: section(".text", name=p.get(p.names, "size"))(p)),
    Case("symbol name behind the last", "gcc", "symbol", "string table",
         lambda p: entry(".symtab", "entry", named=True, name=p.get(p.find(".strtab"), "size"))(p)),
    Case("name table behind the last", "gcc", "ELF header", "name table",
         lambda p: header("shstrndx", p.count, 62)(p)),
    Case("one header too many", "gcc", "section header table", "do not fit",
         lambda p: header("shnum", (len(p.data) - p.table) // 64 + 1, p.table)(p)),
    Case("value behind the end", "gcc", "symbol", "outside its section",
         lambda p: entry(".symtab", "entry", named=True, value=p.get(p.find(".text"), "size") + 1)(p)),
    Case("content up to a byte behind the end", "gcc", "section", "outside the file",
         lambda p: section(".text", offset=len(p.data) - p.get(p.find(".text"), "size") + 1)(p)),
    Case("group member behind the last", "cpp", "section", "does not exist", group_word(1, lambda p, _: p.count)),
    Case("group signature behind the last", "cpp", "section", "signature",
         lambda p: section(".group", info=p.get(p.find(".symtab"), "size") // 24)(p)),
    Case("rela without symbols", "gcc", "`.rela.text'", "symbol table", section(".rela.text", link=0)),
    Case("relocated bss", "gcc", "`.rela.text'", "without content", elsewhere(section(".text", type=NOBITS))),
    Case("initialisers", "gcc", "`.init_array'", "pointers", elsewhere(section(".init_array", size=4))),
    Case("group names itself", "cpp", "section", "group itself", group_word(1, lambda _, group: group)),
    Case("group cycle", "cpp", "section", "group itself", group_word(1, lambda p, _: p.of_type(GROUP)[1])),
    Case("group member", "cpp", "section", "does not exist", group_word(1, lambda *_: 0xFFFFFFFF)),
    Case("group member 0", "cpp", "section", "does not exist", group_word(1, lambda *_: 0)),
    Case("in two groups", "cpp", "section", "two groups", two_groups),
    Case("group size", "cpp", "section", "whole number", section(".group", size=6)),
    Case("empty group", "cpp", "section", "whole number", section(".group", size=0)),
    Case("group signature", "cpp", "section", "signature", section(".group", info=0xFFFFFFFF)),
    Case("group without name", "cpp", "section", "signature", section(".group", info=0)),
    Case("group link", "cpp", "section", "symbol table", section(".group", link=1)),
]  # fmt: skip


def link_to_itself(picture: Picture) -> int:
    """The symbol table names itself as its string table."""
    symtab = picture.of_type(SYMTAB)[0]
    picture.set(symtab, link=symtab)
    return picture.table + 64 * symtab


def across_the_end(picture: Picture) -> None:
    """A 4-byte field whose last byte lies behind its section."""
    size = picture.get(picture.find(".text"), "size")
    picture.set_entry(picture.find(".rela.text"), 0, offset=size - 3)


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "behind another object"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused(
    case: Case, beside: bool, lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks
) -> None:
    """Several objects are read by columns; one small one is read row by row."""
    picture = Picture(objects[case.fixture])
    offset = case.apply(picture)
    sound = [("good.o", objects["good"])] if beside else []
    with pytest.raises(ObjectFormatError) as caught:
        lasting_jit.session.parse([*sound, ("hostile.o", picture.bytes())], lasting_jit.main)
    error = caught.value
    assert error.file == "hostile.o"
    assert case.structure in error.structure
    assert case.problem in error.problem
    if offset != -1:
        assert error.offset == offset
    assert str(error).startswith(f"hostile.o: {error.structure}")
    still_works()


@pytest.mark.parametrize("size", [0, 1, 4, 16, 63])
def test_shorter_than_a_header(
    size: int, lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks
) -> None:
    with pytest.raises(ObjectFormatError, match=r"^hostile.o: ELF header at offset 0x0: not an ELF object"):
        lasting_jit.add_object(objects["gcc"][:size], "hostile.o")
    still_works()


@pytest.mark.parametrize("number", [5, 6, 7, 8, 37, 40, 52, 255, 256, (1 << 32) - 1])
def test_unknown_relocation(
    number: int, lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks
) -> None:
    picture = Picture(objects["gcc"])
    picture.set_entry(picture.find(".rela.text"), 0, type=number)
    with pytest.raises(UnsupportedRelocation, match=rf"^hostile.o:\(.text\+0x[0-9a-f]+\): relocation type {number}:"):
        lasting_jit.add_object(picture.bytes(), "hostile.o")
    still_works()


@pytest.mark.parametrize("number", [16, 17, 18, 19, 21, 22, 23, 34])
def test_thread_local_relocation_to_a_function(
    number: int, lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks
) -> None:
    picture = Picture(objects["gcc"])
    picture.set_entry(picture.find(".rela.text"), 0, type=number, symbol=picture.symbol_index("entry"))
    tracker = lasting_jit.add_object(picture.bytes(), "hostile.o")
    with pytest.raises(UnsupportedRelocation, match=r"^hostile.o:\(.text.*`entry' is not thread-local"):
        lasting_jit.lookup("entry")
    tracker.remove()
    still_works()


def test_huge_bss_costs_no_memory(lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks) -> None:
    picture = Picture(objects["gcc-sections"])
    picture.set(picture.find(".bss.hidden"), size=(1 << 40) - 4096)
    tracker = lasting_jit.add_object(picture.bytes(), "hostile.o")
    before = resident()
    with contextlib.suppress(AllocationError):  # as the machine lets such a range be reserved or not
        assert lasting_jit.lookup("entry").address
    assert resident() - before < 64 << 20
    tracker.remove()
    still_works()


def test_huge_array_of_no_functions_costs_no_memory(
    lasting_jit: LLJIT, tmp_path: Path, still_works: StillWorks
) -> None:
    source = 'void *none[1] __attribute__((section(".ctors"), used)); int entry(void) { return 7; }'
    picture = Picture(compiled(tmp_path, "ctors", "gcc", source, "-O1"))
    picture.set(picture.find(".ctors"), type=8, size=1 << 28)
    tracker = lasting_jit.add_object(picture.bytes(), "hostile.o")
    tracemalloc.start()
    try:
        assert lasting_jit.lookup("entry").function("int(void)")() == 7
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
    tracker.remove()
    still_works()


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def test_first_bad_object_of_a_batch_is_named(
    lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks
) -> None:
    picture = Picture(objects["clang"])
    offset = entry(".symtab", "entry", named=True, value=1 << 30)(picture)
    with pytest.raises(ObjectFormatError) as caught:
        lasting_jit.session.parse(
            [("a.o", objects["gcc"]), ("b.o", picture.bytes()), ("c.o", objects["cpp"])], lasting_jit.main
        )
    assert (caught.value.file, caught.value.offset) == ("b.o", offset)
    still_works()


def test_long_section_names_take_no_time(lasting_jit: LLJIT, tmp_path: Path, still_works: StillWorks) -> None:
    """Many sections that share one long name, and a symbol for whose sake all names are compared."""
    source = "extern int __start_zz[]; int entry(void) { return __start_zz[0]; }"
    picture = Picture(compiled(tmp_path, "start", "gcc", source, "-O1"))
    names, data = picture.names, picture.find(".data")
    old = bytes(picture.data[picture.offset(names) : picture.offset(names) + picture.get(names, "size")])
    start = picture.append(old + b"n" * 2_000_000 + b"\0")
    picture.set(names, offset=start, size=len(old) + 2_000_001)
    picture.set(data, name=len(old))
    repeat_header(picture, data, 20_000)
    begin = time.monotonic()
    tracker = lasting_jit.add_object(picture.bytes(), "hostile.o")
    with pytest.raises(UndefinedSymbols, match="__start_zz"):
        lasting_jit.lookup("entry")
    assert time.monotonic() - begin < 5
    tracker.remove()
    still_works()


def test_long_names_of_linkonce_sections(
    lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks
) -> None:
    """Many sections that share one long name, each of which would be a group's signature."""
    picture = Picture(objects["linkonce"])
    names, value = picture.names, picture.find(".gnu.linkonce.d.value")
    old = bytes(picture.data[picture.offset(names) : picture.offset(names) + picture.get(names, "size")])
    start = picture.append(old + b".gnu.linkonce.d." + b"n" * 2_000_000 + b"\0")
    picture.set(names, offset=start, size=len(old) + 2_000_017)
    picture.set(value, name=len(old))
    repeat_header(picture, value, 20_000)
    begin = time.monotonic()
    with pytest.raises(ObjectFormatError, match="names of sections overlap"):
        lasting_jit.add_object(picture.bytes(), "hostile.o")
    assert time.monotonic() - begin < 5
    still_works()


def test_the_first_linkonce_section_wins(
    lasting_jit: LLJIT, objects: dict[str, bytes], still_works: StillWorks
) -> None:
    first = lasting_jit.add_object(objects["linkonce"], "first.o")
    second = Picture(objects["linkonce"])
    second.data[second.offset(second.find(".gnu.linkonce.d.value"))] = 9
    second.set_entry(second.find(".symtab"), second.symbol_index("entry"), info=0)
    other = lasting_jit.add_object(second.bytes(), "second.o")
    assert lasting_jit.lookup("entry").function("int(int)")(1) == 5
    first.remove()
    other.remove()
    still_works()


def repeat_header(picture: Picture, index: int, times: int) -> None:
    """Move the section headers to the end and add copies of one."""
    one = picture.data[picture.table + 64 * index : picture.table + 64 * (index + 1)]
    headers = picture.data[picture.table : picture.table + 64 * picture.count]
    picture.table = picture.append(bytes(headers + one * times))
    picture.header("shoff", picture.table)
    picture.header("shnum", picture.count + times)


def test_no_resolver_runs_without_execution(tmp_path: Path) -> None:
    """`execute=False` means that nothing of an object runs, an IFUNC's resolver included."""
    source = (
        "static int one(void) { return 1; }\n"
        "static void *choose(void) { __builtin_trap(); return one; }\n"
        'int chosen(void) __attribute__((ifunc("choose")));\n'
        "int entry(void) { return chosen(); }\n"
    )
    with LLJIT(options=Options(execute=False)) as session:
        session.add_object(compiled(tmp_path, "ifunc", "gcc", source, "-O1"), "ifunc.o")
        assert session.lookup("entry").address


def test_no_objects(lasting_jit: LLJIT, still_works: StillWorks) -> None:
    lasting_jit.add_objects([]).remove()
    still_works()
