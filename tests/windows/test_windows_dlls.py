"""DLLs as inputs: by their files, beside archives of the same names, and their variables.

Programs end as those that MinGW's driver links from the same line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from native_programs import GXX, Result, gxx_folders, run, run_linked

import uruk
from uruk.errors import LinkError
from uruk.executor.remote import RemoteExecutor

from support.coff_objects import compiled_text
from support.coff_objects import run as run_tool
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

GCC = "x86_64-w64-mingw32-gcc-posix"
PARTS = """
int total = 7;
int twice(int x) { return 2 * x; }
const char *who(void) { return "WHERE"; }
int read_total(void) { return total; }
"""
MAIN = """
#include <stdio.h>
int twice(int), read_total(void);
const char *who(void);
int (*const pointer)(int) = twice;
int main(void) {
    printf("%d %d %d %s\\n", twice(21), pointer(4), read_total(), who());
    return 10;
}
"""
THREADS = """
#include <cstdio>
#include <thread>
static int dead;
struct Counted { int n; ~Counted() { dead++; } };
thread_local Counted first{1}, second{2};
int main() {
    for (int i = 0; i < 4; i++) std::thread([] { first.n += second.n - 2; }).join();
    std::printf("dead %d\\n", dead);
}
"""

NOTICED = """
#include <windows.h>
BOOL WINAPI DllMain(HINSTANCE self, DWORD reason, void *reserved) {
    DWORD written;
    if (reason == DLL_PROCESS_DETACH) WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), "end\\n", 4, &written, 0);
    return TRUE;
}
__declspec(dllexport) int begin(void) { return 3; }
"""
ABORTING = """
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>
int begin(void);
static void NTAPI notice(void *self, DWORD reason, void *reserved) {
    if (reason == DLL_PROCESS_DETACH) puts("the program's"), fflush(stdout);
}
extern char _tls_used[];
char *volatile used = _tls_used;
__attribute__((section(".CRT$XLM"), used)) PIMAGE_TLS_CALLBACK callback = notice;
int main(void) { printf("%d\\n", begin()); fflush(stdout); abort(); }
"""


def test_libraries_notice_that_a_program_aborts(wine: Path, tmp_path: Path) -> None:
    """Their code for the end runs, and none of the program's own."""
    for name, text in (("noticed", NOTICED), ("aborting", ABORTING)):
        (tmp_path / f"{name}.c").write_text(text)
    gcc = require_tool(GCC)
    library, user = tmp_path / "noticed.dll", tmp_path / "aborting.obj"
    run_tool([gcc, "-shared", "-w", "-o", str(library), str(tmp_path / "noticed.c")])
    run_tool([gcc, "-c", "-w", "-o", str(user), str(tmp_path / "aborting.c")])
    run_tool([gcc, "-o", str(tmp_path / "native.exe"), str(user), str(library)])
    expected = run(["wine", tmp_path / "native.exe"])
    assert (expected.stdout.split(), expected.status) == (["3", "end"], 3)
    assert run_linked([user, library], [], [tmp_path]) == expected


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder with a program's object, a DLL, and an archive that defines the same."""
    (tmp_path / "main.c").write_text(MAIN)
    gcc = require_tool(GCC)
    run_tool([gcc, "-c", "-o", str(tmp_path / "main.obj"), str(tmp_path / "main.c")])
    for place in ("dll", "archive"):
        (tmp_path / f"{place}.c").write_text(PARTS.replace("WHERE", place))
        run_tool([gcc, "-O1", "-c", "-o", str(tmp_path / f"{place}.obj"), str(tmp_path / f"{place}.c")])
    options = ["-shared", "-Wl,--image-base,0x6fff00000000", f"-Wl,--out-implib,{tmp_path}/libimports.a"]
    run_tool([gcc, *options, "-o", str(tmp_path / "parts.dll"), str(tmp_path / "dll.obj")])
    run_tool([require_tool("ar"), "rcs", str(tmp_path / "libsame.a"), str(tmp_path / "archive.obj")])
    return tmp_path


def both(folder: Path, driver: str, words: Sequence[str]) -> tuple[Result, Result]:
    """What the program that a driver links prints, and what uruk's does."""
    program = folder / "program.exe"
    run_tool([require_tool(driver), *words, "-o", str(program)])
    libraries = [folder, *gxx_folders()]
    return run(["wine", program], libraries), run_linked(words, [], libraries)


LINES = {
    "by its path": ["main.obj", "parts.dll"],
    "by its name": ["main.obj", "-L", ".", "-l", "parts"],
    "archive first": ["main.obj", "libsame.a", "parts.dll"],
    "archive before imports": ["main.obj", "libsame.a", "libimports.a"],
    "imports before archive": ["main.obj", "libimports.a", "libsame.a"],
}


@pytest.mark.parametrize("line", LINES)
def test_dlls_and_archives_on_a_line(wine: Path, parts: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an archive and an import library or a DLL behind it that define the same names, the first has them."""
    monkeypatch.chdir(parts)
    native, linked = both(parts, GCC, LINES[line])
    assert native.stdout.split() == ["42", "8", "7", "archive" if line.startswith("archive") else "dll"]
    assert linked == native


def test_a_dll_before_an_archive(wine: Path, parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first on the line has the names, as with lld. ld asks a DLL that is given by itself behind all archives."""
    monkeypatch.chdir(parts)
    assert run_linked(["main.obj", "parts.dll", "libsame.a"], [], [parts]).stdout.split()[-1] == "dll"


@pytest.mark.parametrize("libraries", [["-lstdc++", "-lmingw32"], ["-lmingw32", "-lstdc++"]])
def test_the_end_of_threads_whatever_comes_first(
    wine: Path, tmp_path: Path, libraries: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`__cxa_thread_atexit` is in libmingw32.a and in libstdc++-6.dll: with either first, destructors run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "threads.cc").write_text(THREADS)
    run_tool([require_tool(GXX), "-c", "-o", "threads.obj", "threads.cc"])
    native = both(tmp_path, GXX, ["threads.obj"])[0]
    assert native.stdout.split() == ["dead", "8"]
    assert run_linked(["threads.obj", *libraries], [], gxx_folders()) == native


def test_variables_of_dlls(parts: Path, executor: RemoteExecutor) -> None:
    """They are the DLL's own, through a pointer and by 32 bits from memory near it. What reaches no further is an
    error, and no copy."""
    (parts / "far.c").write_text("int distant = 1; int read_distant(void) { return distant; }")
    options = ["-shared", "-Wl,--image-base,0x5fff00000000", "-o", str(parts / "far.dll")]
    run_tool([require_tool(GCC), *options, str(parts / "far.c")])
    objects = {
        name: compiled_text(parts, compiler, f"{name}.c", f"extern int total, distant; int {name}(int n) {{ {body} }}")
        for name, compiler, body in (
            ("by_pointer", "gcc-O2", "distant += n; return total += n;"),
            ("near", "clang-msvc-O2", "return total += n;"),
            ("between", "clang-msvc-O2", "return total += distant += n;"),
        )
    }
    with uruk.LLJIT(executor=executor) as jit:
        for name in ("parts", "far"):
            jit.main.add_shared_library(parts / f"{name}.dll")
        for path in objects.values():
            jit.add_object(path)
        assert jit.lookup("by_pointer").function("int(int)")(5) == 12
        assert jit.lookup("near").function("int(int)")(5) == 17
        with pytest.raises(LinkError, match=r"too far away: refer to it through a pointer \(dllimport or \.refptr\)"):
            jit.lookup("between")
        assert jit.lookup("by_pointer").function("int(int)")(5) == 22
        for name, value in (("read_total", 22), ("read_distant", 11)):
            assert jit.lookup(name).function("int(void)")() == value
