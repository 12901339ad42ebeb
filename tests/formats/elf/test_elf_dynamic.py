"""Shared libraries against `readelf`, with each kind of hash table; and hostile ones."""

from __future__ import annotations

import random
import re
import struct
import subprocess
from pathlib import Path

import pytest

from uruk.errors import ObjectFormatError
from uruk.formats.byte_source import ByteSource
from uruk.formats.elf.dynamic import STT_TLS, DynamicSymbol, SharedLibrary, read_shared_library
from uruk.formats.elf.dynamic_hash import gnu_candidates, gnu_hash, gnu_symbol_count

pytestmark = pytest.mark.quick

TYPES = {"NOTYPE": 0, "OBJECT": 1, "FUNC": 2, "TLS": 6, "IFUNC": 10}
BINDINGS = {"GLOBAL": 1, "WEAK": 2, "UNIQUE": 10}
SOURCE = """
__thread long counter = 7; int table[5] = {1}; extern int outside(void);
int plain(void) { return outside(); }
__attribute__((weak)) int weak_one(void) { return 1; }
int old_one(void) { return 1; } int new_one(void) { return 2; }
static int picked(void) { return 3; } static void *pick(void) { return picked; }
int chosen(void) __attribute__((ifunc("pick")));
"""
VERSIONED = '__asm__(".symver old_one, twice@V1"); __asm__(".symver new_one, twice@@V2");'


def run(*command: str | Path, cwd: Path | None = None) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


def build(folder: Path, name: str, *flags: str, versioned: bool = True) -> Path:
    (folder / "s.c").write_text(SOURCE + (VERSIONED if versioned else ""))
    (folder / "s.map").write_text(
        "V1 { global: plain; weak_one; counter; table; chosen; twice; local: *; };V2 { global: twice; } V1;\n"
    )
    script = ["-Wl,--version-script=s.map"] if versioned else []
    run("gcc", "-shared", "-fPIC", "s.c", "-o", name, "-Wl,-soname,libnamed.so.3", *script, *flags, cwd=folder)
    return folder / name


def by_readelf(path: Path) -> set[tuple[str, int, int, int, int, str, bool]]:
    """Name, type, binding, value, size, version, default-ness of each symbol that the library defines."""
    found: set[tuple[str, int, int, int, int, str, bool]] = set()
    for line in run("readelf", "-sW", "--dyn-syms", path).split("Symbol table '.symtab'")[0].splitlines():
        parts = line.split()
        if len(parts) < 8 or not re.fullmatch(r"\d+:", parts[0]) or parts[6] == "UND" or parts[4] == "LOCAL":
            continue
        name, at, version = parts[7].partition("@")
        size = int(parts[2], 0)
        default = not at or version.startswith("@")
        key = (name, TYPES[parts[3]], BINDINGS[parts[4]], int(parts[1], 16), size)
        found.add((*key, version.lstrip("@"), default))
    return found


def key_of(symbol: DynamicSymbol) -> tuple[str, int, int, int, int, str, bool]:
    version = (symbol.version or b"").decode()
    return (
        symbol.name.decode(),
        symbol.type,
        symbol.binding,
        symbol.value,
        symbol.size,
        version,
        symbol.default,
    )


def loader_path(soname: str) -> Path:
    return Path(run("gcc", f"-print-file-name={soname}").strip()).resolve()


@pytest.mark.parametrize("soname", ["libm.so.6", "libc.so.6", "libstdc++.so.6", "libz.so", "libgcc_s.so.1"])
def test_system_libraries(soname: str) -> None:
    path = loader_path(soname)
    with read_shared_library(path) as library:
        symbols = library.symbols()
        expected = by_readelf(path)
        # readelf prints the symbols that stand for versions (type OBJECT, absolute) without their version.
        assert {key_of(symbol)[:5] for symbol in symbols} == {key[:5] for key in expected}
        named = {key for key in expected if not re.match(r"(GLIBC|GLIBCXX|CXXABI|ZLIB|GCC)_", key[0])}
        assert named <= {key_of(symbol) for symbol in symbols}
        for symbol in random.Random(5).sample(symbols, min(200, len(symbols))):
            assert library.find(symbol.name, symbol.version) is not None
            found = library.find(symbol.name)
            assert found is not None
            assert found.name == symbol.name
            assert found.default or not symbol.default
        dynamic = run("readelf", "-dW", path)
        assert list(library.needed) == re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
        assert [library.soname] == re.findall(r"\(SONAME\).*\[(.*)\]", dynamic)
        assert library.machine == 62


@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
@pytest.mark.parametrize("versioned", [True, False])
def test_hash_styles(style: str, versioned: bool, tmp_path: Path) -> None:
    path = build(tmp_path, "lib.so", f"-Wl,--hash-style={style}", versioned=versioned)
    with read_shared_library(path.read_bytes(), "lib.so") as library:
        assert library.soname == "libnamed.so.3"
        assert library.path is None
        for key in by_readelf(path):
            found = library.find(key[0].encode(), key[5].encode() or None)
            assert found is not None
            assert key_of(found)[:5] == key[:5]
        assert {key_of(symbol)[:5] for symbol in library.symbols()} == {key[:5] for key in by_readelf(path)}
        for absent in (b"outside", b"picked", b"", b"plai", b"plain\0", b"no_such_name"):
            assert library.find(absent) is None
        counter = library.find(b"counter")
        assert counter is not None
        assert (counter.type, counter.value, counter.size) == (STT_TLS, 0, 8)
        chosen = library.find(b"chosen")
        assert chosen is not None
        assert chosen.type == 10


def test_versions(tmp_path: Path) -> None:
    with read_shared_library(build(tmp_path, "lib.so")) as library:
        default, old, new = (library.find(b"twice", version) for version in (None, b"V1", b"V2"))
        assert old is not None
        assert new is not None
        assert default == new
        assert old.value != new.value
        assert not old.default
        assert new.default
        assert library.find(b"twice", b"V3") is None


def test_functions_that_a_resolver_chooses(tmp_path: Path) -> None:
    """One that the library only refers to is another one's."""
    path = build(tmp_path, "s.so", versioned=False)
    with read_shared_library(path) as library:
        assert library.indirect_functions() == {b"chosen"}
    data = bytearray(path.read_bytes())
    (row,) = [
        match.start()
        for match in re.finditer(re.escape(struct.pack("<BBHQQ", 0x10, 0, 0, 0, 0)), bytes(data))
        if b"outside" in data[match.start() - 4 :]
    ][:1]  # the first global symbol that has no section
    data[row] = 0x1A
    with read_shared_library(bytes(data), "s.so") as library:
        assert library.indirect_functions() == {b"chosen"}


def test_thread_locals_of_libstdcxx() -> None:
    with read_shared_library(loader_path("libstdc++.so.6")) as library:
        symbol = library.find(b"_ZSt15__once_callable")
    assert symbol is not None
    assert symbol.type == STT_TLS
    assert symbol.size == 8


def test_refuses_what_is_no_shared_library(tmp_path: Path) -> None:
    (tmp_path / "s.c").write_text("int x;")
    run("gcc", "-c", "s.c", cwd=tmp_path)
    for path in (tmp_path / "s.o", tmp_path / "s.c", tmp_path, tmp_path / "missing.so"):
        with pytest.raises(ObjectFormatError):
            read_shared_library(path)


def exercise(data: bytes) -> None:
    try:
        library: SharedLibrary = read_shared_library(data, "hostile.so")
    except ObjectFormatError:
        return
    for look in (
        lambda: library.soname,
        lambda: library.needed,
        lambda: library.find(b"plain"),
        lambda: library.find(b"twice"),
        lambda: library.find(b"absent"),
        lambda: library.symbols(),
    ):
        try:
            look()
        except ObjectFormatError as error:
            if error.file != "hostile.so":
                raise


@pytest.mark.parametrize("style", ["gnu", "sysv"])
def test_hostile(style: str, tmp_path: Path) -> None:
    """Every truncation of the tables, and seeded damage of headers, tables and the dynamic section."""
    data = build(tmp_path, "lib.so", f"-Wl,--hash-style={style}", "-Wl,-z,noseparate-code").read_bytes()
    for end in [*range(1200), *range(1200, len(data), 61)]:
        exercise(data[:end])
    line = re.search(r" DYNAMIC +0x([0-9a-f]+)", run("readelf", "-lW", tmp_path / "lib.so"))
    assert line is not None
    dynamic = int(line[1], 16)
    rng = random.Random(7)
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            at = rng.choice([rng.randrange(1600), dynamic + rng.randrange(480), rng.randrange(64)])
            damaged[at] = rng.choice([damaged[at] ^ 1 << rng.randrange(8), 0, 0xFF, 0x7F, rng.randrange(256)])
        exercise(bytes(damaged))


def test_hash_chain_that_never_ends(tmp_path: Path) -> None:
    """A DT_HASH chain that points at itself, and a GNU chain without a last entry."""
    data = bytearray(build(tmp_path, "lib.so", "-Wl,--hash-style=sysv").read_bytes())
    line = re.search(r"\.hash +HASH +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)", run("readelf", "-SW", tmp_path / "lib.so"))
    assert line is not None
    start, size = int(line[1], 16), int(line[2], 16)
    for at in range(start + 8, start + size, 4):
        data[at : at + 4] = (1).to_bytes(4, "little")
    with pytest.raises(ObjectFormatError, match="chain"):
        read_shared_library(bytes(data)).find(b"nothing")


def without(data: bytes, *tags: int, sections: bool = True) -> bytes:
    """A library without some entries of its dynamic section, and perhaps without section headers."""
    changed = bytearray(data)
    start, size = next(
        (offset, stored)
        for kind, _, offset, _, _, stored, _, _ in struct.iter_unpack("<IIQQQQQQ", data[64 : 64 + 56 * data[56]])
        if kind == 2
    )
    for at in range(start, start + size, 16):
        if struct.unpack_from("<q", data, at)[0] in tags:
            struct.pack_into("<q", changed, at, 0x6FFFFFFF)  # a tag that nobody reads
    if not sections:
        changed[40:48] = bytes(8)  # e_shoff, e_shnum and e_shstrndx
        changed[60:64] = bytes(4)
    return bytes(changed)


HASH, GNU_HASH = 4, 0x6FFFFEF5


@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
@pytest.mark.parametrize("sections", [True, False])
def test_symbols_are_counted_by_what_there_is(style: str, sections: bool, tmp_path: Path) -> None:
    """By a hash table, or by the section headers, which a library need not have."""
    data = build(tmp_path, "lib.so", f"-Wl,--hash-style={style}").read_bytes()
    expected = {key[0] for key in by_readelf(tmp_path / "lib.so")}
    with read_shared_library(without(data, sections=sections)) as library:
        assert {symbol.name.decode() for symbol in library.symbols()} == expected
    bare = without(data, HASH, GNU_HASH, sections=sections)
    with read_shared_library(bare) as library:
        assert {symbol.name.decode() for symbol in library.symbols()} == (expected if sections else set())
        assert (library.find(b"plain") is not None) == sections
        assert library.find(b"outside") is None


@pytest.mark.parametrize("length", [*range(1, 19), 31, 32, 33, 300])
def test_a_gnu_chain_that_ends_with_the_file(length: int) -> None:
    """One bucket with so many names, of which the last is looked for; rows from 1 on are hashed."""
    names = [b"name%c%d" % (row // 256, row) for row in range(0, 2 * length, 2)]  # all hashes differ in a higher bit
    hashes = [gnu_hash(name) & ~1 for name in names]
    hashes[-1] |= 1
    table = struct.pack("<4IQI", 1, 1, 1, 6, (1 << 64) - 1, 1) + struct.pack(f"<{length}I", *hashes)
    source = ByteSource(bytes(8) + table, "table")
    assert gnu_candidates(source, 8, names[-1]) == [length]
    assert gnu_candidates(source, 8, b"absent") == []
    assert gnu_symbol_count(source, 8) == length + 1


def test_a_library_without_versions_has_no_hidden_ones(tmp_path: Path) -> None:
    with read_shared_library(build(tmp_path, "lib.so", versioned=False)) as library:
        assert library.hidden_bases() == {}
