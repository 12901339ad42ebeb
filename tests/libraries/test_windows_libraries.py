"""`-l` for Windows's targets: names in their order, MinGW's directories, kinds of files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from uruk.errors import LibraryNotFound, ObjectFormatError
from uruk.libraries.interface import LibraryFile
from uruk.libraries.search import LibrarySearch
from uruk.libraries.windows.host import WindowsLibraries, compiler_directories
from uruk.target import Target

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

TARGET = Target("coff", "x86_64", "windows")
ARCHIVE = b"!<arch>\n"


def dll(flags: int = 0x2022, machine: int = 0x8664) -> bytes:
    """The headers of a PE file."""
    return b"MZ".ljust(60, b"\0") + struct.pack("<I4s2H12x2H", 64, b"PE\0\0", machine, 0, 240, flags)


def search(folder: Path) -> LibrarySearch:
    return LibrarySearch([folder], host=WindowsLibraries("x86_64", system=()))


def test_order_of_names(tmp_path: Path) -> None:
    """An import library comes before an archive, that before a DLL; --static takes archives only."""
    names = ["libz.dll", "z.dll", "libz.a", "z.lib", "libz.dll.a"]
    for count, name in enumerate(names, 1):
        (tmp_path / name).write_bytes(dll() if name.endswith(".dll") else ARCHIVE)
        kind = "shared" if name.endswith(".dll") else "archive"
        assert search(tmp_path).find("z") == [LibraryFile(kind, str(tmp_path / name))], names[:count]
    assert search(tmp_path).find("z", static=True)[0].path == str(tmp_path / "libz.a")


def test_files(tmp_path: Path) -> None:
    """By whole names and paths; a program is no library."""
    (tmp_path / "z.dll").write_bytes(dll())
    (tmp_path / "z.exe").write_bytes(dll(0x22))
    (tmp_path / "old.exe").write_bytes(b"MZ".ljust(100, b"\0"))
    (tmp_path / "z.obj").write_bytes(struct.pack("<2H12x2H", 0x8664, 0, 0, 0))
    assert search(tmp_path).find(":z.dll")[0].kind == "shared"
    assert search(tmp_path).find(tmp_path / "z.obj")[0].kind == "object"
    with pytest.raises(ObjectFormatError, match="a program, and no DLL"):
        search(tmp_path).find(tmp_path / "z.exe")
    with pytest.raises(ObjectFormatError, match="a program of DOS"):
        search(tmp_path).find(tmp_path / "old.exe")
    with pytest.raises(LibraryNotFound, match="nothing"):
        search(tmp_path).find("nothing")


def test_a_library_for_another_machine_is_passed_over(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, machine in ((first, 0xAA64), (second, 0x8664)):
        folder.mkdir()
        member = struct.pack("<2H12x2H", machine, 0, 0, 0)
        header = b"x.o/".ljust(48) + str(len(member)).encode().ljust(10) + b"`\n"
        (folder / "libz.a").write_bytes(ARCHIVE + header + member)
    found = LibrarySearch([first, second], host=WindowsLibraries("x86_64", system=())).find("z")
    assert found[0].path == str(second / "libz.a")
    for folder, machine in ((first, 0x14C), (second, 0x8664)):
        (folder / "y.dll").write_bytes(dll(machine=machine))
    found = LibrarySearch([first, second], host=WindowsLibraries("x86_64", system=())).find("y")
    assert found[0].path == str(second / "y.dll")


def test_mingw_is_found() -> None:
    require_tool("x86_64-w64-mingw32-gcc-posix")
    directories = compiler_directories("x86_64")
    assert directories[0].endswith("-posix")
    found = LibrarySearch(target=TARGET).find("kernel32")
    assert [Path(one.path).name for one in found] == ["libkernel32.a"]
    assert LibrarySearch(target=TARGET).find("stdc++")[0].path.endswith("libstdc++.dll.a")
    assert LibrarySearch(target=TARGET).find("stdc++", static=True)[0].path.endswith("libstdc++.a")
