"""Imports of linked COFF objects, bound by the loader of a Windows process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import uruk
from uruk.errors import LibraryError, UndefinedSymbols
from uruk.executor.remote import RemoteExecutor
from uruk.orc.session import Session
from uruk.platforms.bare import BarePlatform

from support.coff_objects import assembled, compiled_text, run
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

DEFINITIONS = """
LIBRARY {library}
EXPORTS
 MulDiv
 product == MulDiv
 absent
"""
CODE = """
    .globl direct, by_slot, renamed, missing, taken
direct: jmp MulDiv
by_slot: jmp *__imp_MulDiv(%rip)
renamed: jmp product
missing: jmp absent
    .data
taken: .quad MulDiv
"""
DATA = """
    .globl mode
mode: mov __imp__fmode(%rip), %rax
    mov (%rax), %eax
    ret
"""


@pytest.fixture
def session(executor: RemoteExecutor) -> Iterator[Session]:
    session = Session(executor, BarePlatform(executor))
    session.create_dylib("main")
    yield session
    session.close()


def import_archive(folder: Path, kind: str, library: str = "kernel32.dll") -> Path:
    definitions, output = folder / f"{library}.def", folder / f"{library}.{kind}.lib"
    definitions.write_text(DEFINITIONS.format(library=library))
    tools = {"llvm": ["llvm-dlltool-19", "-m", "i386:x86-64"], "binutils": ["x86_64-w64-mingw32-dlltool"]}
    tool, *options = tools[kind]
    run([require_tool(tool), *options, "-d", str(definitions), "-l", str(output)])
    return output


@pytest.mark.parametrize("kind", ["llvm", "binutils"])
def test_functions(tmp_path: Path, session: Session, executor: RemoteExecutor, kind: str) -> None:
    """By a call, which goes through a stub, by the slot, and by another name; ADDR64 is the function itself."""
    main = session.dylibs["main"]
    main.add_object(assembled(tmp_path, "code", CODE.replace("missing: jmp absent", "missing: ret")))
    main.add_archive(import_archive(tmp_path, kind))
    found = main.lookup(["direct", "by_slot", "renamed", "taken", "MulDiv"])
    for name in ("direct", "by_slot", "renamed"):
        assert executor.function("int(int, int, int)", found[name])(6, 35, 5) == 42
    assert int.from_bytes(executor.process.read(found["taken"], 8), "little") == found["MulDiv"]
    handle = executor.libraries.load("kernel32.dll")
    assert executor.libraries.find_symbol(handle, b"MulDiv")[0] == found["MulDiv"]


def test_data_and_large_archives(tmp_path: Path, session: Session, executor: RemoteExecutor) -> None:
    """MinGW's own import library of msvcrt.dll; `_fmode` is a variable."""
    compiler = require_tool("x86_64-w64-mingw32-gcc-posix")
    main = session.dylibs["main"]
    main.add_object(assembled(tmp_path, "data", DATA))
    main.add_archive(run([compiler, "-print-file-name=libmsvcrt-os.a"]).strip())
    place = executor.libraries.find_symbol(executor.libraries.load("msvcrt.dll"), b"_fmode")[0]
    executor.process.write(place, (0x8000).to_bytes(4, "little"))  # binary, which no process begins with
    assert executor.function("int(void)", main.lookup(["mode"])["mode"])() == 0x8000


def test_by_number(executor: RemoteExecutor) -> None:
    """Number and name lead to one function: the table of exports says so. WSAStartup is 115 in every ws2_32.dll."""
    libraries = executor.libraries
    handle = libraries.load("ws2_32.dll")
    by_name = libraries.find_symbol(handle, b"WSAStartup")[0]
    assert by_name
    assert libraries.find_symbol(handle, b"#115")[0] == by_name
    for nonsense in (b"#", b"#x", b"#115x", b"#65536", b"#99999999999999999999", b"#0"):
        assert libraries.find_symbol(handle, nonsense)[0] == 0


def test_what_is_not_there(tmp_path: Path, session: Session) -> None:
    """The error names the DLL; the session goes on."""
    main = session.dylibs["main"]
    main.add_object(assembled(tmp_path, "code", CODE))
    main.add_archive(import_archive(tmp_path, "llvm"))
    with pytest.raises(UndefinedSymbols, match=r"imported from kernel32\.dll, which has no export `absent'"):
        main.lookup(["missing"])
    other = session.create_dylib("other")
    other.add_object(assembled(tmp_path, "code", CODE))
    other.add_archive(import_archive(tmp_path, "llvm", "no_such.dll"))
    with pytest.raises(UndefinedSymbols, match=r"imported from no_such\.dll: .*is not found"):
        other.lookup(["direct"])


def test_dlls_that_the_loader_does_not_find(wine: Path, tmp_path: Path) -> None:
    """The error says in which folders a compiler's DLLs are, whether they are named or imported from."""
    require_tool("x86_64-w64-mingw32-g++-posix")
    environment = {name: text for name, text in os.environ.items() if name != "WINEPATH"}
    place = r"WINEPATH='Z:\\usr\\lib\\gcc\\x86_64-w64-mingw32\\\d\d-posix;"
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows", environment=environment)) as jit:
        with pytest.raises(LibraryError, match=place):
            jit.main.add_shared_library("libstdc++-6.dll")
        jit.add_library("stdc++")
        jit.add_object(compiled_text(tmp_path, "gcc-O2", "throws.cc", "int throws() { throw 5; }"))
        with pytest.raises(UndefinedSymbols, match=r"imported from libstdc\+\+-6\.dll(?s:.*)" + place):
            jit.lookup("_Z6throwsv")
