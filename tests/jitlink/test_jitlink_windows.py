"""uruk-jitlink with programs of Windows, under wine: in uruk's executor for Windows, and beside MinGW's own link."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jitlink.running import Done
from jitlink.test_jitlink_running import OVERRIDE
from jitlink.test_jitlink_running import PROGRAM as CXX_PROGRAM
from uruk.runtime_files import executor_program

from support.compiling import Compile
from support.executors import listening
from support.requirements import require_tool

pytestmark = pytest.mark.usefixtures("wine")

MINGW = "x86_64-w64-mingw32-gcc"
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
static __thread int five = 2;
static void last(void) { puts("atexit"); fflush(stdout); }
__attribute__((constructor)) static void start(void) { five += 3; puts("constructor"); }
int main(int count, char **words) {
    atexit(last);
    puts(words[count - 1]);
    if (count == 3) exit(9);
    return 30 + five;
}
"""


def run(*words: object) -> Done:
    command = [sys.executable, "-m", "uruk.jitlink", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return Done(done.returncode, done.stdout.replace("\r\n", "\n"), "Traceback" * ("Traceback" in done.stderr))


def test_programs(tmp_path: Path) -> None:
    written, unit, linked = tmp_path / "unit.c", tmp_path / "unit.o", tmp_path / "linked.exe"
    written.write_text(PROGRAM)
    subprocess.run([require_tool(MINGW), "-c", "-o", unit, written], check=True)
    # Without libwinpthread-1.dll, which wine does not find unless WINEPATH names its folder.
    subprocess.run([require_tool(MINGW), "-static", "-o", linked, unit], check=True)

    def natively(*words: str) -> Done:
        done = subprocess.run(["wine", linked, *words], capture_output=True, text=True, timeout=120, check=False)
        return Done(done.returncode, done.stdout.replace("\r\n", "\n"), "")

    # The program's own name is not among the words of -args, of which one is named for it here.
    assert run(unit, "-args", "linked", "a") == natively("a")
    executor = f"-oop-executor={executor_program('x86_64-windows')}"
    more = ("-use-shared-memory", "-slab-allocate=1Mb")
    assert (
        run(executor, *more, unit, "-args", "linked", "a", "b") == natively("a", "b") == (9, natively("a", "b").out, "")
    )
    with listening("x86_64-windows") as (port, _):
        connect = f"-oop-executor-connect=127.0.0.1:{port}"
        assert run(connect, *more, unit, "-args", "linked", "a") == (35, "", "")


EXECUTOR = f"-oop-executor={executor_program('x86_64-windows')}"
SHARED, SLAB = "-use-shared-memory", "-slab-allocate=1Mb"


@pytest.mark.parametrize("dlls", [False, True], ids=["static", "dll"])
def test_cxx(cc: Compile, monkeypatch: pytest.MonkeyPatch, *, dlls: bool) -> None:
    """C++'s library is there without -l: its DLL where the loader finds that, else the archive."""
    if dlls:
        monkeypatch.setenv("WINEPATH", mingw_folders())
    else:
        monkeypatch.delenv("WINEPATH", raising=False)
    program = cc.cpp(CXX_PROGRAM, "-O1", family="mingw")
    said = "constructor\none two 4\nthrown\natexit\ndestructor\n"
    for place in ((), (EXECUTOR, SHARED, SLAB)):
        assert run(*place, program, "-args", "one", "two") == Done(36, said, ""), place


@pytest.mark.parametrize("place", [(), (EXECUTOR,), (EXECUTOR, SHARED), (EXECUTOR, SLAB)], ids=len)
def test_result_override(cc: Compile, place: tuple[str, ...]) -> None:
    assert run(*place, cc.cpp(OVERRIDE, family="mingw")) == Done(7, "", "")


def test_executors_that_listen(cc: Compile) -> None:
    """What one program has set is not the next one's result."""
    override, plain = cc.cpp(OVERRIDE, family="mingw"), cc("int main() { return 3; }", family="mingw")
    with listening("x86_64-windows") as (port, _):
        connect = f"-oop-executor-connect=127.0.0.1:{port}"
        for words in ((SHARED,), (SLAB,)):
            assert run(connect, *words, override) == Done(7, "", "")
        assert run(connect, plain) == Done(3, "", "")


def mingw_folders() -> str:
    """WINEPATH with the folders of MinGW's DLLs of C++ and of threads."""
    folders: list[str] = []
    for name in ("libstdc++-6.dll", "libwinpthread-1.dll"):
        command = [require_tool("x86_64-w64-mingw32-g++"), f"-print-file-name={name}"]
        path = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        folders.append("Z:" + str(Path(path).resolve().parent).replace("/", "\\"))
    return ";".join(folders)
