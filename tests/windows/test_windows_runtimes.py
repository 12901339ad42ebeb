"""The C runtime of a program of Windows: which one it is, and what is told of two."""

from __future__ import annotations

from pathlib import Path

import pytest
from c_compilers import COMPILERS

import uruk
from uruk.errors import InvalidValue, LinkError
from uruk.program.options import LinkOptions

TEXT = """
#include <stdio.h>
int main(void) { puts("output"); return 3; }
"""
OF_UCRT = """
__attribute__((dllimport)) char *_get_narrow_winmain_command_line(void);
int other(void) { return _get_narrow_winmain_command_line() != 0; }
"""
ASKS = """
#include <stdio.h>
__attribute__((dllimport)) void *GetModuleHandleA(const char *);
int main(void) { puts("output"); return GetModuleHandleA("%s") != 0; }
"""


def compiled(compiler: str, text: str, folder: Path, name: str = "program") -> Path:
    source = folder / f"{name}.c"
    source.write_text(text)
    return COMPILERS[compiler].compile([source], folder)[0]


@pytest.mark.parametrize(("crt", "loaded"), [("msvcrt", 0), ("ucrt", 1)])
def test_it_can_be_named(wine: Path, tmp_path: Path, crt: str, loaded: int) -> None:
    """Only the named one is in the process."""
    path = compiled("gcc", ASKS % "ucrtbase.dll", tmp_path)
    ended = uruk.Program(path, options=LinkOptions(crt=crt)).run(capture=True)
    assert (ended.output, ended.status) == (b"output\r\n", loaded)


def test_one_that_is_none(wine: Path, tmp_path: Path) -> None:
    path = compiled("gcc", TEXT, tmp_path)
    with pytest.raises(InvalidValue, match="msvcrt or ucrt"):
        uruk.Program(path, options=LinkOptions(crt="glibc")).run()


def test_a_directive_names_it(wine: Path, tmp_path: Path) -> None:
    text = '#pragma comment(lib, "ucrt")\n' + TEXT
    path = compiled("clang-msvc", text, tmp_path)
    assert uruk.Program(path).run(capture=True).output == b"output\r\n"


def test_a_line_and_a_directive_that_disagree(wine: Path, tmp_path: Path) -> None:
    path = compiled("clang-msvc", '#pragma comment(lib, "libcmt")\n' + TEXT, tmp_path)
    with pytest.raises(LinkError, match=r"ucrt \(/defaultlib:libcmt in an object\) and msvcrt \(-l msvcrt"):
        uruk.Program(path, libraries=["msvcrt"]).run()


def test_objects_that_import_from_two(wine: Path, tmp_path: Path) -> None:
    one = compiled("gcc", "int other(void); " + TEXT.replace("3", "other()"), tmp_path, "one")
    two = compiled("gcc", OF_UCRT, tmp_path, "two")
    with pytest.raises(LinkError, match=r"msvcrt.*ucrt, from whose api-ms-win-crt-"):
        uruk.Program(one, two, "/usr/x86_64-w64-mingw32/lib/libucrt.a", options=LinkOptions(crt="msvcrt")).run()


def test_the_handler_of_compact_tables_is_found(wine: Path, tmp_path: Path) -> None:
    """`__CxxFrameHandler4`, which Microsoft's compiler refers to from 2019 on, lies in a DLL of its own."""
    text = """
        extern void *GetModuleHandleA(const char *), *GetProcAddress(void *, const char *);
        extern int puts(const char *);
        extern void __CxxFrameHandler4(void);
        void *volatile place = (void *)__CxxFrameHandler4;
        int main(void) {
            puts("compared");
            return place != GetProcAddress(GetModuleHandleA("vcruntime140_1.dll"), "__CxxFrameHandler4");
        }
    """
    path = compiled("clang-msvc", text, tmp_path)
    ended = uruk.Program(path).run(capture=True)
    assert (ended.output, ended.status) == (b"compared\r\n", 0)
