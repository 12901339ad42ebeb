"""Import libraries: what their members say, and links that go by them."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

import uruk
from uruk.cli import main
from uruk.errors import ObjectFormatError, UndefinedSymbols
from uruk.formats.archive import Archive
from uruk.formats.coff import aarch64, x86_64
from uruk.formats.coff.files import FILES
from uruk.formats.coff.import_library import read_parts, read_short
from uruk.formats.interface import Import
from uruk.formats.registry import import_library
from uruk.memory.fixed import FixedMemory
from uruk.orc.registry.entries import ImportEntry

from support.coff_objects import ARM_MSVC, assembled, run
from support.coff_writer import CODE, WRITE, ZEROS, Named, Part, coff_object
from support.requirements import require_tool
from support.windows_links import BASE, TARGET, windows_session

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

DEFINITIONS = """
LIBRARY parts.dll
EXPORTS
 work
 shared DATA
 limit CONSTANT
 numbered @7 NONAME
 renamed == real
"""
MEANT = {
    b"work": (b"work", 0, False),
    b"shared": (b"shared", 0, True),
    b"numbered": (b"", 7, False),
    b"renamed": (b"real", 0, False),
}
"""Name -> name in the DLL, or number, and whether it is data; of `limit` the tools think differently."""


def import_archive(folder: Path, kind: str) -> Path:
    """An import library of `parts.dll` as one of the tools makes it."""
    definitions = folder / "parts.def"
    definitions.write_text(DEFINITIONS)
    output = folder / ("parts.lib" if kind in ("llvm", "arm64") else "libparts.dll.a")
    tools = {
        "llvm": ("llvm-dlltool-19", "-m", "i386:x86-64"),
        "arm64": ("llvm-dlltool-19", "-m", "arm64"),
        "binutils": ("x86_64-w64-mingw32-dlltool",),
        "delayed": ("x86_64-w64-mingw32-dlltool",),
    }
    tool, *options = tools[kind]
    run([require_tool(tool), *options, "-d", str(definitions), "-y" if kind == "delayed" else "-l", str(output)])
    return output


def imports_of(jit: uruk.LLJIT) -> dict[bytes, Import]:
    """The imports that a session has taken in."""
    entries = [entry for entry in jit.session.objects.values() if isinstance(entry, ImportEntry)]
    return {one.name: one for entry in entries for one in entry.imports.values()}


@pytest.mark.parametrize("kind", ["llvm", "binutils", "delayed", "arm64"])
def test_members(tmp_path: Path, kind: str) -> None:
    target = TARGET._replace(architecture="aarch64" if kind == "arm64" else "x86_64")
    with Archive.open(import_archive(tmp_path, kind)) as archive:
        library = import_library(archive, target)
        assert library is not None
        found = [library.imports_of(member.header_offset) for member in archive.members()]
    assert None not in found
    assert [] in found  # what only a linker of images wants
    imports = {one.name: one for some in found for one in some or ()}
    assert imports.keys() == {*MEANT, b"limit"}
    for name, (export, ordinal, is_data) in MEANT.items():
        one = imports[name]
        assert (one.library, one.export, one.is_data) == ("parts.dll", export, is_data)
        assert one.ordinal == ordinal or export  # with a name it is a hint


USER = """
    .text
    .globl start
start:
    call work
    call *__imp_numbered(%rip)
    mov __imp_shared(%rip), %rax
    jmp renamed
    .data
    .globl pointers
pointers: .quad work, shared, __imp_work, __imp_renamed
"""


@pytest.mark.parametrize("kind", ["llvm", "binutils", "delayed"])
def test_code_is_linked_with_imports(tmp_path: Path, kind: str) -> None:
    """Calls go through stubs, slots hold the addresses, and only what is referred to is imported."""
    with windows_session() as jit:
        seen: list[int] = []
        jit.session.hooks["post-fixup"] = [lambda state: seen.append(len(state.stubs.row))]
        jit.add_object(assembled(tmp_path, "user", USER))
        jit.add_archive(import_archive(tmp_path, kind))
        jit.lookup("start")
        assert imports_of(jit).keys() == MEANT.keys()
        assert seen == [2]  # `work` and `renamed` are called directly, and nothing else has a stub
        memory = jit.executor.memory
        assert isinstance(memory, FixedMemory)
        words = struct.unpack("<4Q", memory.read(jit.lookup("pointers").address, 32))
        assert words[:2] == (0, 0)  # addresses of functions and data themselves; nobody was asked
        for slot in words[2:]:
            assert memory.read(slot, 8) == bytes(8)
        assert jit.lookup("work").address == 0


def without_index(path: Path) -> Path:
    """The archive at `path` without the members that are its index."""
    data, at = path.read_bytes(), 8
    kept = [data[:8]]
    while at < len(data):
        size = 60 + int(data[at + 48 : at + 58])
        member = data[at : at + size + size % 2]
        kept += [] if member[:2] == b"/ " else [member]
        at += len(member)
    output = path.with_name(f"bare-{path.name}")
    output.write_bytes(b"".join(kept))
    return output


@pytest.mark.parametrize("kind", ["llvm", "binutils", "delayed"])
def test_an_archive_needs_no_index(tmp_path: Path, kind: str) -> None:
    path = without_index(import_archive(tmp_path, kind))
    with windows_session() as jit:
        jit.add_object(assembled(tmp_path, "user", USER))
        jit.add_archive(path)
        jit.lookup("start")
        assert imports_of(jit).keys() == MEANT.keys()
        assert imports_of(jit)[b"renamed"].library == "parts.dll"


def test_an_object_comes_before_an_import(tmp_path: Path) -> None:
    """In either order; the slot holds the address of what is linked in."""
    own = assembled(tmp_path, "own", ".globl work\nwork: ret\n")
    user = assembled(tmp_path, "user", ".globl start\nstart: call work\n.data\n.globl slot\nslot: .quad __imp_work\n")
    for objects in ([own, user], [user, own]):
        with windows_session() as jit:
            jit.add_archive(import_archive(tmp_path, "llvm"))
            for path in objects:
                jit.add_object(path)
            memory = jit.executor.memory
            assert isinstance(memory, FixedMemory)
            slot = int.from_bytes(memory.read(jit.lookup("slot").address, 8), "little")
            assert int.from_bytes(memory.read(slot, 8), "little") == jit.lookup("work").address != 0


def test_removal_and_whole_archives(tmp_path: Path) -> None:
    """An archive that is removed takes its imports with it; a whole one gives all of them."""
    user = assembled(tmp_path, "user", ".globl start\nstart: call work\n")
    for whole in (False, True):
        with windows_session() as jit:
            archive = jit.add_archive(import_archive(tmp_path, "binutils"), whole=whole)
            tracker = jit.add_object(user)
            jit.lookup("start")
            assert imports_of(jit).keys() == ({b"work", *MEANT, b"limit"} if whole else {b"work"})
            tracker.remove()
            archive.remove()
            assert not imports_of(jit)
            jit.add_object(user)
            with pytest.raises(UndefinedSymbols, match="work"):
                jit.lookup("start")


def test_archives_that_mix_imports_and_objects(tmp_path: Path) -> None:
    """MinGW's own: what windows.h calls functions of KERNEL32 are objects of the archive in part."""
    compiler = require_tool("x86_64-w64-mingw32-gcc-posix")
    path = run([compiler, "-print-file-name=libkernel32.a"]).strip()
    text = ".globl start\nstart: call ExitProcess\ncall __stosb\njmp *__imp_HeapAlloc(%rip)\n"
    with windows_session() as jit:
        jit.add_object(assembled(tmp_path, "user", text))
        jit.add_archive(path)
        jit.lookup("start")
        assert {name: one.library for name, one in imports_of(jit).items()} == {
            b"ExitProcess": "KERNEL32.dll",
            b"HeapAlloc": "KERNEL32.dll",
        }
        assert jit.lookup("__stosb").address > BASE


def test_imported_variables_are_known_by_two_names() -> None:
    """Their own and that of the slot, unless a member of the archive has the name itself."""
    names = [b"__imp_a", b"b", b"__imp_b", b"c", b"__imp_d"]
    index = FILES.index_names((names, np.array([8, 80, 160, 240, 320], np.int64)))
    assert index[0] == [b"__imp_a", b"a", b"b", b"__imp_b", b"c", b"__imp_d", b"d"]
    assert index[1].tolist() == [8, 8, 80, 160, 240, 320, 320]


def test_data_has_no_stub(tmp_path: Path) -> None:
    """A 32-bit reference to a variable of a DLL, which never lies near, is an error; there is no stub in its place."""
    text = ".globl start\nstart: lea shared(%rip), %rax\n"
    with windows_session() as jit:
        jit.add_object(assembled(tmp_path, "user", text))
        jit.add_archive(import_archive(tmp_path, "llvm"))
        with pytest.raises(
            uruk.LinkError, match=r"too far away: refer to it through a pointer \(dllimport or \.refptr\)"
        ):
            jit.lookup("start")


def test_arm64(tmp_path: Path) -> None:
    text = ".globl start\nstart: bl work\nadrp x0, __imp_shared\nldr x0, [x0, :lo12:__imp_shared]\nb renamed\n"
    with windows_session(TARGET._replace(architecture="aarch64")) as jit:
        jit.add_object(assembled(tmp_path, "user", text, ARM_MSVC))
        jit.add_archive(import_archive(tmp_path, "arm64"))
        jit.lookup("start")
        assert imports_of(jit).keys() == {b"work", b"shared", b"renamed"}


def short(name: bytes, *texts: bytes, kind: int = 0, how: int = 1, machine: int = 0x8664, ordinal: int = 3) -> bytes:
    """A short import."""
    strings = b"".join(text + b"\0" for text in (name, *texts))
    return struct.pack("<4H2I2H", 0, 0xFFFF, 0, machine, 0, len(strings), ordinal, kind | how << 2) + strings


@pytest.mark.parametrize(
    ("name", "how", "export"),
    [
        (b"?f@@YAHXZ", 1, b"?f@@YAHXZ"),
        (b"?f@@YAHXZ", 2, b"f@@YAHXZ"),
        (b"_f@8", 2, b"f@8"),
        (b"_f@8", 3, b"f"),
        (b"@f@8", 3, b"f"),
        (b"plain", 3, b"plain"),
        (b"f", 0, b""),
        (b"f", 4, b"g"),
    ],
)
def test_kinds_of_names(name: bytes, how: int, export: bytes) -> None:
    texts = (b"x.dll", b"g") if how == 4 else (b"x.dll",)
    found = read_short(short(name, *texts, how=how), "x.lib", x86_64)
    assert found == (name, "x.dll", export, 3, False)
    assert found.asked == (export or b"#3")


@pytest.mark.parametrize(
    ("data", "problem", "offset"),
    [
        (short(b"f", b"x.dll")[:19], "cut short", 19),
        (short(b"f", b"x.dll")[:20], "8 bytes of names do not fit", 12),
        (short(b"f", b"x.dll")[:-1], "do not fit", 12),
        (short(b"f"), "lack one", 12),
        (short(b"f", b""), "lack one", 12),
        (short(b"f", b"x.dll")[:12] + struct.pack("<I2H", 7, 3, 4) + b"f\0x.dll", "lack one", 12),
        (short(b"", b"x.dll"), "lack one", 12),
        (short(b"f", b"x.dll", how=4), "lack one", 12),
        (short(b"f", b"x.dll", b"", how=4), "its name in the DLL is empty", 20),
        (short(b"_", b"x.dll", how=2), "its name in the DLL is empty", 20),
        (short(b"f", b"x.dll", how=5), "does not exist", 18),
        (short(b"f", b"x.dll", how=7), "does not exist", 18),
        (short(b"f", b"x.dll", kind=3), "does not exist", 18),
        (short(b"f", b"x.dll", machine=0xAA64), "expected 0x8664", 6),
    ],
)
def test_broken_short_imports(data: bytes, problem: str, offset: int) -> None:
    with pytest.raises(ObjectFormatError, match=problem) as caught:
        read_short(data, "x.lib", x86_64)
    assert (caught.value.file, caught.value.offset) == ("x.lib", offset)


def test_what_a_short_import_says() -> None:
    """What follows the strings, and the bits above kinds and names, are not looked at."""
    data = short(b"shared", b"x.dll", kind=1, ordinal=0x1234) + b"behind\0it"
    assert read_short(data, "x.lib", x86_64) == (b"shared", "x.dll", b"shared", 0x1234, True)
    constant = short(b"c", b"x.dll", kind=2 | 0xFF << 5)
    assert read_short(constant, "x.lib", x86_64) == (b"c", "x.dll", b"c", 3, True)


def gnu_import(name: bytes, slot: bytes, named: bytes = b"\7\1export\0", *more: Named) -> bytes:
    """A member of a GNU import library, written byte by byte."""
    parts = [Part(b".text", b"\xff\x25\0\0\0\0\x90\x90", CODE), Part(b".idata$7", bytes(4), WRITE)]
    parts += [Part(b".idata$5", slot, WRITE), Part(b".idata$4", slot, WRITE), Part(b".idata$6", named, WRITE)]
    return coff_object(parts, [Named(b"__imp_" + name, 3), Named(b"_head_x"), *more])


@pytest.mark.parametrize(
    ("slot", "named", "export", "number"),
    [
        (bytes(8), b"\7\1export\0", b"export", 0x107), (bytes(8), b"\0\0e\0behind", b"e", 0),
        (struct.pack("<Q", 1 << 63 | 0x71234), b"", b"", 0x1234), (struct.pack("<Q", 0x71234), b"\1\0e\0", b"e", 1),
    ],
)  # fmt: skip
def test_what_a_gnu_import_says(slot: bytes, named: bytes, export: bytes, number: int) -> None:
    """A jump through the slot, called like the function, says that it is one."""
    for more, is_data in (([Named(b"f", 1)], False), ([], True), ([Named(b"f", 0)], True), ([Named(b"f", -1)], True)):
        data = gnu_import(b"f", slot, named, *more)
        parts = read_parts(data, "import.o", x86_64)
        assert parts is not None
        assert (parts.slot, parts.refers_to(b"_head_")) == (b"f", b"_head_x")
        assert (parts.refers_to(b"__imp_"), parts.refers_to(b"_x", at_end=True)) == (b"", b"_head_x")
        assert parts.imported("x.dll") == (b"f", "x.dll", export, number, is_data)
        defined = [b"__imp_f", b"f"] if [item.section for item in more] == [1] else [b"__imp_f"]
        assert FILES.import_names(data, "import.o", TARGET) == defined


@pytest.mark.parametrize(
    ("slot", "named", "problem"),
    [
        (bytes(8), b"", "holds no name"), (bytes(8), b"\0\0\0", "holds no name"), (bytes(8), b"\1\0f", "holds no name"),
        (bytes(7), b"\0\0f\0", "a slot has 8 bytes, not 7"), (bytes(9), b"\0\0f\0", "a slot has 8 bytes, not 9"),
    ],
)  # fmt: skip
def test_broken_slots_and_names(slot: bytes, named: bytes, problem: str) -> None:
    parts = read_parts(gnu_import(b"f", slot, named), "import.o", x86_64)
    assert parts is not None
    with pytest.raises(ObjectFormatError, match=problem):
        parts.imported("x.dll")


def test_names_that_members_have_without_an_index() -> None:
    """Those of short imports; none of ordinary objects, nor of what is malformed."""
    assert FILES.import_names(short(b"f", b"x.dll"), "x.lib", TARGET) == [b"__imp_f", b"f"]
    assert FILES.import_names(short(b"d", b"x.dll", kind=1), "x.lib", TARGET) == [b"__imp_d"]
    assert FILES.import_names(short(b"f", b"x.dll")[:-1], "x.lib", TARGET) == []
    assert FILES.import_names(coff_object([Part(b".text", b"1")], [Named(b"f", 1)]), "x.obj", TARGET) == []
    assert FILES.import_names(gnu_import(b"f", bytes(8))[:-5], "x.o", TARGET) == []


def test_the_library_of_a_member() -> None:
    data = coff_object([Part(b".idata$7", b"x.dll\0more\0", WRITE)], [Named(b"x_iname", 1)])
    parts = read_parts(data, "import.o", x86_64)
    assert parts is not None
    assert (parts.library, parts.slot, parts.refers_to(b"_iname", at_end=True)) == (b"x.dll", b"", b"")
    assert read_parts(coff_object([Part(b".idata", b"x")]), "x.o", x86_64) is None
    empty = read_parts(coff_object([Part(b".idata$7", b"", ZEROS, size=9), Part(b".idata$4", b"1")]), "x.o", x86_64)
    assert empty is not None
    assert empty.library == b""


def test_a_short_import_for_another_machine() -> None:
    assert read_short(short(b"f", b"x.dll", machine=0xAA64), "x.lib", aarch64).name == b"f"


@pytest.mark.parametrize(
    ("slot", "name", "problem"),
    [(".quad 0", ".short 1", "holds no name"), (".long 0", '.short 1\n.asciz "f"', "a slot has 8 bytes, not 4")],
)
def test_broken_gnu_imports(tmp_path: Path, slot: str, name: str, problem: str) -> None:
    text = f"""
        .section .idata$5,"dw"
        .globl __imp_f
        __imp_f: {slot}
        .section .idata$6,"dw"
        {name}
    """
    parts = read_parts(assembled(tmp_path, "import", text).read_bytes(), "import.o", x86_64)
    assert parts is not None
    with pytest.raises(ObjectFormatError, match=problem):
        parts.imported("x.dll")


def test_an_import_without_a_library(tmp_path: Path) -> None:
    """The members that have the DLL's name are not in the archive."""
    (tmp_path / "members").mkdir()
    archive = import_archive(tmp_path, "binutils")
    tool = require_tool("llvm-ar-19")
    subprocess.run([tool, "x", str(archive)], cwd=tmp_path / "members", check=True)
    members = sorted(path for path in (tmp_path / "members").iterdir() if "_s0" in path.name)
    run([tool, "rcs", str(tmp_path / "cut.a"), *map(str, members)])
    with windows_session() as jit:
        jit.add_object(assembled(tmp_path, "user", ".globl start\nstart: call work\n"))
        jit.add_archive(tmp_path / "cut.a")
        with pytest.raises(ObjectFormatError, match="refers to the DLL's name"):
            jit.lookup("start")
        with pytest.raises(ObjectFormatError, match="part of an import library: add the library, as an archive"):
            jit.add_object(members[0])


def test_commands(tmp_path: Path) -> None:
    """`uruk show` names DLL and export of each import, and `uruk run --no-exec` links with them."""
    user = assembled(tmp_path, "user", ".globl mainCRTStartup\nmainCRTStartup: call work\njmp *__imp_shared(%rip)\n")
    for kind in ("llvm", "binutils"):
        library = import_archive(tmp_path, kind)
        text = io.StringIO()
        with redirect_stdout(text):
            assert main(["show", str(library)]) == 0
        for line in ("work: parts.dll", "shared: data of parts.dll", "numbered: parts.dll, number 7", "real of parts"):
            assert line in text.getvalue(), text.getvalue()
        command = [sys.executable, "-m", "uruk", "run", "--no-exec", "-e", "mainCRTStartup", str(user), str(library)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
