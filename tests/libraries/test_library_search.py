"""What -l means, against gcc -print-file-name, ld's trace and ldconfig -p; scripts and caches made here."""

from __future__ import annotations

import os
import random
import re
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from uruk.errors import LibraryNotFound, ObjectFormatError, UrukError
from uruk.libraries.interface import LibraryFile
from uruk.libraries.linker_script import parse_linker_script
from uruk.libraries.linux.host import LinuxLibraries, system_directories
from uruk.libraries.linux.loader_cache import CACHE_PATH, loader_cache, parse_loader_cache
from uruk.libraries.search import LibrarySearch, find_library
from uruk.target import HERE

pytestmark = pytest.mark.quick


def run(*command: str | Path, cwd: Path | None = None) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIBRARY_PATH", raising=False)
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """libboth.so and .a, libonly.a, liblate.so.1/.2/.10 and a plain object."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "s.c").write_text("int number(void) { return 4; }")
    run("gcc", "-c", "-fPIC", "s.c", cwd=folder)
    for name in ("libboth.so", "liblate.so.1", "liblate.so.2", "liblate.so.10"):
        run("gcc", "-shared", "s.o", "-o", name, cwd=folder)
    for name in ("libboth.a", "libonly.a"):
        run("ar", "rcs", name, "s.o", cwd=folder)
    return folder


def traced_by_ld(name: str, *flags: str) -> list[str]:
    """Shared libraries that gcc's linker opens for -l NAME, by name of the real file, in order."""
    command = [
        "gcc",
        "-nostdlib",
        "-shared",
        *flags,
        f"-l{name}",
        "-Wl,--trace,--no-as-needed",
        "-o",
        "/dev/null",
    ]
    paths = dict.fromkeys(os.path.realpath(line) for line in run(*command).splitlines() if line.startswith("/"))
    # A script is traced as well as what it names, and a group more than once.
    return [path for path in paths if Path(path).read_bytes()[:4] == b"\x7fELF"]


@pytest.mark.parametrize("name", ["m", "c", "z", "stdc++", "gomp", "gfortran", "gcc_s", "gcc", "ncurses", "sqlite3"])
def test_agrees_with_ld(name: str) -> None:
    mine = [os.path.realpath(found.path) for found in find_library(name)]
    assert [path for path in mine if not path.endswith(".a")] == traced_by_ld(name)
    first = run("gcc", f"-print-file-name=lib{name}.so").strip()
    if os.path.isabs(first) and Path(first).read_bytes()[:4] == b"\x7fELF":
        assert mine == [os.path.realpath(first)]
    elif not os.path.isabs(first):
        assert mine == [os.path.realpath(run("gcc", f"-print-file-name=lib{name}.a").strip())]


def test_system_directories_are_those_of_gcc() -> None:
    line = next(row for row in run("gcc", "-print-search-dirs").splitlines() if row.startswith("libraries: ="))
    theirs = {os.path.realpath(place) for place in line[12:].split(":") if os.path.isdir(place)}
    theirs |= {
        os.path.realpath(place)
        for place in re.findall(r'SEARCH_DIR\("=?([^"]+)"\)', run("ld", "--verbose"))
        if os.path.isdir(place)
    }
    ours = {os.path.realpath(place) for place in system_directories("x86_64")}
    assert theirs <= ours
    assert all("/gcc/" in place for place in ours - theirs)  # of other versions of gcc, behind its own


def test_order_of_directories_and_kinds(built: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (first / "libboth.a").write_bytes((built / "libboth.a").read_bytes())
    assert LibrarySearch([built]).find("both") == [LibraryFile("shared", str(built / "libboth.so"))]
    assert LibrarySearch([first, built]).find("both") == [LibraryFile("archive", str(first / "libboth.a"))]
    assert LibrarySearch([built]).find("only") == [LibraryFile("archive", str(built / "libonly.a"))]
    assert LibrarySearch([first, built]).find(":libboth.so") == [LibraryFile("shared", str(built / "libboth.so"))]


def test_paths_are_used_as_they_are(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LibrarySearch().find(built / "s.o") == [LibraryFile("object", str(built / "s.o"))]
    assert LibrarySearch().find(str(built / "libonly.a")) == [LibraryFile("archive", str(built / "libonly.a"))]
    monkeypatch.chdir(built)
    assert LibrarySearch().find("libboth.so") == [LibraryFile("shared", "libboth.so")]
    assert LibrarySearch().find("./libboth.so") == [LibraryFile("shared", "./libboth.so")]
    with pytest.raises(LibraryNotFound):
        LibrarySearch().find("./libabsent.so")
    with pytest.raises(ObjectFormatError):
        LibrarySearch().find(built)
    data = bytearray((built / "s.o").read_bytes())
    data[16] = 2
    (built / "program").write_bytes(data)
    with pytest.raises(ObjectFormatError, match="e_type"):
        LibrarySearch().find(built / "program")


def test_environment(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBRARY_PATH", f":{built}")
    assert find_library("only") == [LibraryFile("archive", str(built / "libonly.a"))]
    with pytest.raises(LibraryNotFound):
        find_library("late")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(built))
    assert find_library("late") == [LibraryFile("shared", str(built / "liblate.so.10"))]


def test_without_development_files() -> None:
    """No directories at all: sonames from the loader's cache, as on a machine without compilers."""
    search = LibrarySearch(host=LinuxLibraries(system=[]))
    for name, soname in (
        ("m", "libm.so.6"),
        ("stdc++", "libstdc++.so.6"),
        ("z", "libz.so.1"),
        ("c", "libc.so.6"),
    ):
        (found,) = search.find(name)
        assert found.kind == "shared"
        assert os.path.basename(found.path) == soname
        assert search.find(soname) == [found]


def test_other_machines_are_passed_over(built: Path, tmp_path: Path) -> None:
    for name in ("libonly.a", "libboth.so"):
        data = (built / name).read_bytes()
        (tmp_path / name).write_bytes(data.replace(b"\x7fELF\x02\x01\x01", b"\x7fELF\x01\x01\x01"))
    search = LibrarySearch([tmp_path, built], host=LinuxLibraries("x86_64"))
    assert search.find("only")[0].path == str(built / "libonly.a")
    assert search.find("both")[0].path == str(built / "libboth.so")
    with pytest.raises(LibraryNotFound):
        LibrarySearch([built], host=LinuxLibraries("aarch64", system=[])).find("both")


def test_not_found_says_where(built: Path) -> None:
    with pytest.raises(LibraryNotFound) as caught:
        LibrarySearch([built]).find("surely_absent")
    assert caught.value.name == "surely_absent"
    assert caught.value.searched[0] == str(built)
    assert CACHE_PATH in caught.value.searched
    assert set(system_directories(HERE.architecture)) <= set(caught.value.searched)


def script(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


def test_scripts(built: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "libfar.a").write_bytes((built / "libonly.a").read_bytes())
    script(
        tmp_path,
        "libouter.so",
        f'/* GNU ld script */ OUTPUT_FORMAT(elf64-x86-64) SEARCH_DIR("{tmp_path}/more");\n'
        f"GROUP ( {built}/libboth.so, -lonly AS_NEEDED ( -linner ) ) INPUT(-lfar)",
    )
    script(tmp_path, "libinner.so", f"INPUT ( libonly.a {built}/s.o )")
    assert LibrarySearch([tmp_path, built]).find("outer") == [
        LibraryFile("shared", f"{built}/libboth.so"),
        LibraryFile("archive", f"{built}/libonly.a"),
        LibraryFile("archive", f"{built}/libonly.a", as_needed=True),
        LibraryFile("object", f"{built}/s.o", as_needed=True),
        LibraryFile("archive", f"{tmp_path}/more/libfar.a"),
    ]


def test_a_script_names_a_library_often(built: Path, tmp_path: Path) -> None:
    """Each mention would be loaded, and asked for names, once more."""
    script(tmp_path, "liboften.so", f"INPUT ({' libboth.so -lonly' * 5_000} )")
    assert LibrarySearch([tmp_path, built]).find("often") == [
        LibraryFile("shared", f"{built}/libboth.so"),
        LibraryFile("archive", f"{built}/libonly.a"),
    ]


def test_script_names_a_file_beside_it(built: Path, tmp_path: Path) -> None:
    (tmp_path / "part.a").write_bytes((built / "libonly.a").read_bytes())
    script(tmp_path, "libwhole.a", "INPUT(part.a)")
    assert LibrarySearch().find(tmp_path / "libwhole.a") == [LibraryFile("archive", str(tmp_path / "part.a"))]


def test_a_script_includes_others(built: Path, tmp_path: Path) -> None:
    script(tmp_path, "part.ld", "INPUT(-lonly)")
    script(tmp_path, "libwhole.a", 'INCLUDE "part.ld" INPUT(/usr/lib/crti.o)')
    assert LibrarySearch([built]).find(tmp_path / "libwhole.a") == [LibraryFile("archive", f"{built}/libonly.a")]
    script(tmp_path, "part.ld", "INCLUDE libwhole.a")
    with pytest.raises(ObjectFormatError, match="includes itself"):
        LibrarySearch([built]).find(tmp_path / "libwhole.a")


@pytest.mark.parametrize(
    "sections",
    [
        "{ .a : { *(.a) } }",
        "{ . = 0x1000; } INSERT AFTER .data",
        "{ .a : { start = .; *(.a) } } INSERT AFTER .data",
        "{ .a : { *(.a) ALIGN(16) } } INSERT AFTER .data",
        "{ .a : { LONG(1) } } INSERT AFTER .data",
        "{ .a 0x1000 : { *(.a) } } INSERT AFTER .data",
        "{ .a : { *(.a) } > REGION } INSERT AFTER .data",
        "{ named : { *(.a) } } INSERT AFTER .data",
        "{ .a : { *(.a) ",
        "( .a )",
    ],
)
def test_scripts_that_place_sections(sections: str) -> None:
    inserted = b"SECTIONS { .a : { KEEP(*(.a .a.*)) } .b : { *.o(SORT(.b)) } } INSERT BEFORE .bss; INPUT(x.o)"
    assert [one.text for one in parse_linker_script("s", inserted)] == ["x.o"]
    with pytest.raises(ObjectFormatError, match="SECTIONS places sections"):
        parse_linker_script("s", b"SECTIONS " + sections.encode())


def test_script_cycles_and_depth(tmp_path: Path) -> None:
    script(tmp_path, "libx.so", "INPUT(-ly)")
    script(tmp_path, "liby.so", "GROUP(-lx)")
    with pytest.raises(ObjectFormatError, match="includes itself"):
        LibrarySearch([tmp_path]).find("x")
    for level in range(60):
        script(tmp_path, f"libd{level}.so", f"INPUT(-ld{level + 1} -ld{level + 1})")
    with pytest.raises(ObjectFormatError, match="nested"):
        LibrarySearch([tmp_path]).find("d0")
    script(tmp_path, "libd15.so", "")
    assert LibrarySearch([tmp_path]).find("d0") == []


def test_script_that_names_what_is_not_there(tmp_path: Path) -> None:
    for text in ("INPUT(/absent/libx.so)", "INPUT(-labsent_library)", "INPUT(absent_file.o)", 'INPUT("")'):
        script(tmp_path, "libs.so", text)
        with pytest.raises(LibraryNotFound):
            LibrarySearch([tmp_path]).find("s")


@pytest.mark.parametrize(
    "text",
    [
        "INPUT(",
        "INPUT a )",
        ")",
        "hello world",
        "(",
        "/* open",
        "INPUT(a)) ",
        "a\0b",
        'INPUT("a',
        "INPUT",
        "INPUT(AS_NEEDED)",
    ],
)
def test_malformed_scripts(text: str) -> None:
    with pytest.raises(ObjectFormatError):
        parse_linker_script("libs.so", text.encode())


def test_hostile_scripts() -> None:
    data = b'/* c */ GROUP ( /lib/libc.so.6 "q" AS_NEEDED ( -lm ) ) SEARCH_DIR(x); OUTPUT_FORMAT(a,b) '
    data += b"INCLUDE a SECTIONS { .a : { *(.a) } } INSERT AFTER .b"
    rng = random.Random(3)
    for _ in range(2000):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(data))] = (
                rng.choice(b'(){}/*";, \0\xff') if rng.random() < 0.7 else rng.randrange(256)
            )
        with suppress(ObjectFormatError):
            parse_linker_script("s", bytes(damaged[: rng.randrange(len(data) + 1)]))


def test_loader_cache_is_that_of_ldconfig() -> None:
    expected: dict[str, str] = {}
    for line in run("/sbin/ldconfig", "-p").splitlines():
        match = re.fullmatch(r"\s+(\S+) \(libc6,x86-64\) => (.*)", line)
        if match:
            expected.setdefault(match[1], match[2])
    assert loader_cache("x86_64") == expected


def cache_of(entries: list[tuple[bytes, bytes]], flags: int, combined: bool, new: bool) -> bytes:
    """A cache in the old layout, the new one, or both."""
    strings, places = b"", list[tuple[int, int]]()
    for soname, path in entries:
        places.append((len(strings), len(strings) + len(soname) + 1))
        strings += soname + b"\0" + path + b"\0"
    old = b"ld.so-1.7.0\0" + struct.pack("<I", len(entries))
    old += b"".join(struct.pack("<iII", flags, *place) for place in places)
    if not new:
        return old + strings
    base = 48 + 24 * len(entries)
    fresh = b"glibc-ld.so.cache1.1" + struct.pack("<II5I", len(entries), len(strings), 0, 0, 0, 0, 0)
    fresh += b"".join(struct.pack("<iIIIQ", flags, base + a, base + b, 0, 0) for a, b in places) + strings
    return old + bytes(-len(old) % 8) + fresh if combined else fresh


@pytest.mark.parametrize(("combined", "new"), [(False, False), (False, True), (True, True)])
def test_loader_cache_layouts(combined: bool, new: bool) -> None:
    entries = [(b"liba.so.2", b"/x/liba.so.2"), (b"liba.so.2", b"/y/liba.so.2"), (b"libb.so", b"/x/libb.so")]
    data = cache_of(entries, 0x0303, combined, new)
    assert parse_loader_cache(data, "x86_64") == {"liba.so.2": "/x/liba.so.2", "libb.so": "/x/libb.so"}
    assert parse_loader_cache(data, "aarch64") == {}
    rng = random.Random(11)
    for _ in range(1500):
        damaged = bytearray(data[: rng.choice([len(data), rng.randrange(len(data))])])
        for _ in range(rng.randint(0, 3)):
            if damaged:
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        with suppress(ObjectFormatError):
            parse_loader_cache(bytes(damaged), "x86_64")


def test_missing_or_broken_cache(tmp_path: Path) -> None:
    assert loader_cache("x86_64", str(tmp_path / "absent")) == {}
    (tmp_path / "broken").write_bytes(b"not a cache")
    assert loader_cache("x86_64", str(tmp_path / "broken")) == {}


def hint_for(name: bytes) -> str | None:
    return LibrarySearch().hints_for([name]).get(name)


def test_hints() -> None:
    assert hint_for(b"sqrtf") == "defined in libm.so.6: add -l m"
    assert hint_for(b"_ZNSt6localeC1Ev") == "defined in libstdc++.so.6: add -l stdc++"
    assert hint_for(b"GOMP_parallel") == "defined in libgomp.so.1: add -l gomp"
    assert hint_for(b"__morestack") == "defined in libgcc.a: add -l gcc"
    assert hint_for(b"surely_nobody_defines_this") is None
    found = LibrarySearch().hints_for([b"deflate", b"cosf", b"surely_nobody_defines_this"])
    assert found == {b"deflate": "defined in libz.so.1: add -l z", b"cosf": "defined in libm.so.6: add -l m"}


def test_every_error_is_ours(tmp_path: Path) -> None:
    (tmp_path / "libbin.so").write_bytes(b"\0\1\2\3")
    for name in ("", ":", "bin", "\0", "a\nb", "." * 300, "/", "//", "x" * 5000):
        with pytest.raises(UrukError):
            LibrarySearch([tmp_path]).find(name)
