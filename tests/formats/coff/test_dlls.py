"""DLLs of two linkers and of a compiler against `llvm-readobj`, links against them, and hostile ones."""

from __future__ import annotations

import random
import re
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

import uruk
from uruk.cli import main as command
from uruk.errors import LibraryError, LinkError, ObjectFormatError, UndefinedSymbols
from uruk.formats.byte_source import ByteSource
from uruk.formats.coff.dll import DLL
from uruk.formats.interface import LibraryDefinition
from uruk.formats.registry import open_library
from uruk.graph.graph import SymbolType
from uruk.memory.fixed import FixedMemory
from uruk.target import Target

from support.coff_objects import compiled_text, run
from support.requirements import require_tool

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

SOURCE = "int total = 7; int twice(int x) { return 2 * x; } int quiet(void) { return 3; }"
DEFINITIONS = """
LIBRARY parts.dll
EXPORTS
 twice
 total DATA
 quiet @77 NONAME
 elsewhere = kernel32.Sleep
 inner = parts.twice
"""
USER = """
__declspec(dllimport) extern int total;
int twice(int), elsewhere(int);
int (*const place)(int) = twice;
int start(void) { return twice(total) + elsewhere(1); }
"""
TARGET = Target("coff", "x86_64", "windows")
BOUNDARIES = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def build(folder: Path, linker: str, more: str = "") -> Path:
    """A DLL, made by ld or by lld-link."""
    output, definitions = folder / linker / "parts.dll", folder / "parts.def"
    output.parent.mkdir()
    definitions.write_text(DEFINITIONS + more)
    if linker == "ld":
        code = compiled_text(folder, "gcc-O0", "parts.c", SOURCE)
        tool = require_tool("x86_64-w64-mingw32-gcc-posix")
        run([tool, "-shared", "-nostdlib", "-Wl,-e,0", "-o", str(output), str(code), str(definitions)])
    else:
        code = compiled_text(folder, "clang-msvc-O2", "parts.c", SOURCE)
        options = ["/dll", "/noentry", "/base:0x7ff800000000", f"/def:{definitions}", f"/out:{output}"]
        run([require_tool("lld-link-19"), *options, str(code)])
    return output


@pytest.fixture(scope="module")
def dlls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By the name of the linker."""
    folder = tmp_path_factory.mktemp("dlls")
    return {linker: build(folder, linker) for linker in ("ld", "lld")}


def by_readobj(path: Path) -> list[tuple[str, int, str]]:
    """Name, number and forwarder of each export."""
    text = run([require_tool("llvm-readobj-19"), "--coff-exports", str(path)])
    fields = re.findall(r"Ordinal: (\d+)\n  Name: ?(.*)\n(?:  ForwardedTo: (.*))?", text)
    return [(name, int(number), forwarder) for number, name, forwarder in fields]


def read(path: Path) -> list[LibraryDefinition]:
    with open_library(str(path)) as library:
        return library.definitions()


def everything(data: bytes) -> None:
    """Ask a DLL for all that there is."""
    with DLL(ByteSource(data, "hostile.dll")) as library:
        assert all(library.needed)
        for export in library.definitions():
            library.place_of(export.name or b"#%d" % export.number)


def linker(*dlls: Path) -> uruk.LLJIT:
    """A session that runs nothing."""
    options = uruk.Options(execute=False, architecture=TARGET)
    jit = uruk.LLJIT(memory=FixedMemory(0x140000000, 1 << 20), options=options)
    for path in dlls:
        jit.add_library(path)
    return jit


@pytest.mark.parametrize("linker", ["ld", "lld"])
def test_what_is_exported(dlls: dict[str, Path], linker: str) -> None:
    path = dlls[linker]
    exports = read(path)
    assert sorted((one.name.decode(), one.number, one.forwarder.decode()) for one in exports) == sorted(
        by_readobj(path)
    )
    assert [one.name for one in exports if one.type == SymbolType.OBJECT] == [b"total"]
    with open_library(str(path)) as library:
        assert library.architecture == "x86_64"
        places = {name: library.place_of(name) for name in (b"twice", b"inner", b"total", b"#77", b"elsewhere")}
        assert places[b"inner"] == places[b"twice"]
        assert {name for name, (_, is_data) in places.items() if is_data} == {b"total"}
        assert len({place for place, _ in places.values()}) == 4
        for absent in (b"absent", b"quiet", b"#", b"#7", b"#x", b"#65536", b"#99999999999999999999"):
            assert not library.defines(absent)
            assert library.place_of(absent) == (0, False)


def test_the_dlls_of_a_compiler() -> None:
    """Thousands of exports; vtables and type information are data."""
    tool = require_tool("x86_64-w64-mingw32-g++-posix")
    for name in ("libstdc++-6.dll", "libgcc_s_seh-1.dll"):
        path = Path(run([tool, f"-print-file-name={name}"]).strip())
        exports = read(path)
        assert [(one.name.decode(), one.number, "") for one in exports] == by_readobj(path)
    with open_library(str(path.with_name("libstdc++-6.dll"))) as library:
        assert library.soname == "libstdc++-6.dll"
        assert set(library.needed) >= {"libgcc_s_seh-1.dll", "KERNEL32.dll", "msvcrt.dll"}
    by_name = {one.name: one.type == SymbolType.OBJECT for one in read(path.with_name("libstdc++-6.dll"))}
    assert by_name[b"_ZTVN10__cxxabiv117__class_type_infoE"]
    assert by_name[b"_ZSt4cout"]
    assert not by_name[b"_ZSt9terminatev"]


def test_a_link_against_dlls(tmp_path: Path, dlls: dict[str, Path]) -> None:
    """Calls go to stubs, slots hold the addresses that the file gives; what it lacks is undefined."""
    path = dlls["lld"]
    user = compiled_text(tmp_path, "clang-msvc-O2", "user.c", USER)
    with open_library(str(path)) as library:
        twice = library.place_of(b"twice")[0]
    with linker(path) as jit:
        jit.add_object(user)
        assert jit.lookup("start").address
        assert jit.memory.read(jit.lookup("place").address, 8) == twice.to_bytes(8, "little")
    with linker() as jit:
        jit.add_object(user)
        with pytest.raises(UndefinedSymbols, match=r"3 undefined symbols(?s:.*)twice"):
            jit.lookup("start")


def test_the_command(
    tmp_path: Path, dlls: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A DLL as an input and by -l, before the object and behind it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(dlls["lld"], "libparts.dll")
    user = compiled_text(tmp_path, "clang-msvc-O2", "user.c", USER).name
    assert command(["show", "libparts.dll"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("libparts.dll: COFF x86-64 shared library parts.dll\n")
    rows = [line.split() for line in text.splitlines()[3:]]
    assert ["global", "object", "total"] in rows
    assert ["global", "elsewhere", "is", "kernel32.Sleep"] in rows
    assert ["global", "function", "(number", "77)"] in rows
    for words in (["libparts.dll", user], [user, "-L", ".", "-l", "parts"]):
        done = uruk_run("--no-exec", "-nodefaultlibs", "-e", "start", *words)
        assert done == (0, ""), words
    status, errors = uruk_run("--no-exec", "-nodefaultlibs", "-e", "start", user)
    assert status == 1
    assert "elsewhere  needed by" in errors


def uruk_run(*words: str) -> tuple[int, str]:
    """The exit status of a link, and what it says."""
    done = subprocess.run([sys.executable, "-m", "uruk", "run", *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_what_is_no_dll_for_it(tmp_path: Path, dlls: dict[str, Path]) -> None:
    path = dlls["lld"]
    data = bytearray(path.read_bytes())
    at = int.from_bytes(data[60:64], "little")
    for offset, content, error, text in (
        (at + 4, b"\x64\xaa", LibraryError, r"it is for aarch64, and the code for x86_64"),
        (at + 22, b"\x22\0", ObjectFormatError, "a program, and no DLL"),
        (at, b"NE", ObjectFormatError, "a program of DOS"),
        (at + 24, b"\x0b\x01", ObjectFormatError, r"not one of 64 bits"),
    ):
        broken = bytearray(data)
        broken[offset : offset + len(content)] = content
        (tmp_path / "broken.dll").write_bytes(broken)
        with pytest.raises(error, match=text), linker(tmp_path / "broken.dll"):
            pass
    with linker() as jit:
        with pytest.raises(ObjectFormatError, match="not a COFF object: it is a Windows program or DLL"):
            jit.add_object(path)
        with pytest.raises(LibraryError, match="no such file"):
            jit.main.add_shared_library("nowhere.dll")


def table_of(data: bytes) -> int:
    """The offset of the export directory."""
    at = int.from_bytes(data[60:64], "little")
    rva = int.from_bytes(data[at + 24 + 112 : at + 24 + 116], "little")
    count, size = struct.unpack_from("<H12xH", data, at + 6)
    for row in range(count):
        _, address, stored, start = struct.unpack_from("<4I", data, at + 24 + size + 40 * row + 8)
        if address <= rva < address + stored:
            return start + rva - address
    raise AssertionError("no exports")


def test_forwarders_in_a_circle(tmp_path: Path) -> None:
    data = build(tmp_path, "lld", " outer = parts.inmost\n inmost = parts.outer\n own = parts.own\n").read_bytes()
    with DLL(ByteSource(data, "circle.dll")) as library:
        for name in (b"outer", b"own"):
            with pytest.raises(ObjectFormatError, match=f"circle.dll: export table: export `{name.decode()}' is forw"):
                library.place_of(name)


@pytest.mark.parametrize("field", range(16, 40, 4))
@pytest.mark.parametrize("value", [0x7FFFFFFF, 0xFFFFFFFF, 0x100000])
def test_counts_and_places_beyond_the_file(dlls: dict[str, Path], field: int, value: int) -> None:
    data = bytearray(dlls["lld"].read_bytes())
    struct.pack_into("<I", data, table_of(data) + field, value)
    begin = time.perf_counter()
    if field == 16:  # the first number, which may be any
        everything(bytes(data))
    else:
        with pytest.raises(ObjectFormatError, match=r"^hostile\.dll: export table"):
            everything(bytes(data))
    assert time.perf_counter() - begin < 1


def test_names_that_share_all_their_bytes(dlls: dict[str, Path]) -> None:
    """A file of 1 MB with 200,000 names of 4 KB each is refused, and not read for minutes."""
    data = bytearray(dlls["lld"].read_bytes())
    table, count = table_of(data), 200_000
    at = int.from_bytes(data[60:64], "little")
    size = int.from_bytes(data[at + 20 : at + 22], "little")
    # One section, which has the directory where it was, and all tables at the end.
    address, start = 0x1000, 0x400
    names = start + 0x1000
    longest = b"x" * 4000 + b"\0"
    pointers = names + len(longest)
    ordinals = pointers + 4 * count
    content = bytearray(ordinals + 2 * count + 64)
    content[:start] = data[:start]
    struct.pack_into("<H", content, at + 6, 1)
    struct.pack_into("<8s4I", content, at + 24 + size, b".rdata", len(content), address, len(content) - start, start)
    delta = address - start
    content[start : start + 40] = data[table : table + 40]
    struct.pack_into("<II", content, at + 24 + 112, address, 40)
    places = (start + 64 + delta, pointers + delta, ordinals + delta)
    struct.pack_into("<7I", content, start + 12, names + delta, 1, 1, count, *places)
    struct.pack_into("<I", content, start + 64, 0x2000)
    content[names : names + len(longest)] = longest
    content[pointers:ordinals] = struct.pack("<I", names + delta) * count
    begin = time.perf_counter()
    with pytest.raises(ObjectFormatError, match="names overlap"):
        everything(bytes(content))
    assert time.perf_counter() - begin < 2


def test_files_that_are_cut_short(dlls: dict[str, Path]) -> None:
    data = dlls["lld"].read_bytes()
    for size in range(0, len(data) - 1024, 37):
        with pytest.raises(ObjectFormatError):
            everything(data[:size])


def test_broken_files(dlls: dict[str, Path]) -> None:
    """Whatever a file says, it is read or refused, in bounded time."""
    chance = random.Random(1)
    sound = [path.read_bytes() for path in dlls.values()]
    refused = 0
    for _ in range(3000):
        data = bytearray(chance.choice(sound))
        table = table_of(data)
        for _ in range(chance.randint(1, 4)):
            start, size = chance.choice([(0, 0x400), (table, 40), (table, 0x120)])
            width = chance.choice((1, 2, 4))
            value = chance.choice((*BOUNDARIES, chance.getrandbits(32), len(data)))
            at = start + chance.randrange(size)
            data[at : at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, "little")
        begin = time.perf_counter()
        try:
            everything(bytes(data))
        except ObjectFormatError:
            refused += 1
        assert time.perf_counter() - begin < 2
    assert 300 < refused < 3000


def test_variables_out_of_reach(tmp_path: Path, dlls: dict[str, Path]) -> None:
    """A reference of 32 bits to a variable of a DLL is an error that says what to compile with; nothing is copied."""
    path = dlls["lld"]
    user = compiled_text(tmp_path, "clang-msvc-O2", "near.c", "extern int total; int start(void) { return total; }")
    with linker(path) as jit:
        jit.add_object(user)
        with pytest.raises(LinkError, match="dllimport"):
            jit.lookup("start")
