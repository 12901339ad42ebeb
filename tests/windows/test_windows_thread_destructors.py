"""Thread-locals of C++ whose library is linked in (libstdc++.a, zig's libc++): code stays until threads have run their
destructors, which run in the order of a native program."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from c_compilers import ZIG, environment
from native_programs import GXX, gxx_folders, run
from windows_processes import address_of

import uruk
from uruk.compile.zig import zig_windows_libraries

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

OF_GXX = "stdc++ mingw32 gcc gcc_eh moldname mingwex msvcrt pthread advapi32 shell32 user32 kernel32".split()
"""The libraries that ``g++ -static`` adds, in its order."""
LOG = """
    extern "C" { volatile long count; int notes[100]; }
    void note(int id) { notes[__sync_fetch_and_add(&count, 1)] = id; }
"""
PART = """
    void note(int);
    struct First { First() { note(1); } ~First() { note(-1); } };
    struct Second { Second() { note(2); } ~Second() { note(-2); } };
    struct Late { Late() { note(3); } ~Late() { note(-3); } };
    #ifdef __clang__  // natively, zig's programs lose what destructors register
    struct Last { ~Last() { note(300); } };
    #else
    struct Last { ~Last() { static thread_local Late late; note(&late ? 300 : 0); } };
    #endif
    thread_local First first;
    thread_local Second second;
    thread_local Last last;
    extern "C" int touch(int x) { return x + (&first && &second && &last); }
"""
THREADS = """
    #include <thread>
    #include <windows.h>
    typedef int function(int);
    struct Work { function *run; int time; };
    static DWORD WINAPI plain(void *data) {
        Work work = *(Work *)data;
        delete (Work *)data;
        work.run(0);
        Sleep(work.time);
        return 0;
    }
    extern "C" void *start(function *run, int time) { return CreateThread(0, 0, plain, new Work{run, time}, 0, 0); }
    extern "C" int of_library(function *run, int x) {
        std::thread thread([&] { x = run(x); });
        thread.join();
        return x;
    }
"""
MAIN = """
    #include <cstdio>
    #include <windows.h>
    typedef int function(int);
    extern "C" { extern volatile long count; extern int notes[100]; function touch; }
    extern "C" { void *start(function *, int); int of_library(function *, int); }
    int main() {
        WaitForSingleObject(start(touch, 10), INFINITE);
        int result = of_library(touch, 1);
        std::printf("%d:", result);
        for (int i = 0; i < count; i++) std::printf(" %d", notes[i]);
    }
"""
SOURCES = {"log": LOG, "part": PART, "threads": THREADS, "main": MAIN}


def objects_of(folder: Path, command: Sequence[str]) -> dict[str, Path]:
    """The objects of the sources, by their names."""
    for name, text in SOURCES.items():
        (folder / f"{name}.cc").write_text(text)
        subprocess.run(
            [*command, "-O1", "-c", f"{name}.cc", "-o", f"{name}.obj"], cwd=folder, check=True, env=environment()
        )
    return {name: folder / f"{name}.obj" for name in SOURCES}


@pytest.fixture(params=["g++", "zig"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The compiler whose C++ library is linked in."""
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", environment()["ZIG_GLOBAL_CACHE_DIR"])
    return request.param


@pytest.fixture
def command(kind: str) -> list[str]:
    """The compiler, with the option by which its programs need no DLL of its own."""
    return [require_tool(GXX), "-static"] if kind == "g++" else [*("c++" if word == "cc" else word for word in ZIG)]


@pytest.fixture
def jit(wine: Path, kind: str) -> Iterator[uruk.LLJIT]:
    """A session in a process of Windows, with static libraries."""
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as session:
        if kind == "g++":
            for folder in gxx_folders():
                session.add_search_directory(folder)
            for name in OF_GXX:
                session.add_library(name, static=True)
            session.main.add_shared_library("msvcrt.dll")
        else:
            for path in zig_windows_libraries(cxx=True):
                session.add_library(path)
        yield session


def notes(jit: uruk.LLJIT) -> list[int]:
    """What constructors and destructors have noted."""
    read = jit.executor.process.read
    count = int.from_bytes(read(jit.lookup("count").address, 4), "little")
    data = read(jit.lookup("notes").address, 4 * count)
    return [int.from_bytes(data[at : at + 4], "little", signed=True) for at in range(0, 4 * count, 4)]


def await_notes(jit: uruk.LLJIT, count: int) -> None:
    """Wait until that many are there."""
    deadline = time.monotonic() + 60
    while len(notes(jit)) < count:
        assert time.monotonic() < deadline


def test_code_stays_until_threads_have_ended(jit: uruk.LLJIT, command: list[str], tmp_path: Path) -> None:
    objects = objects_of(tmp_path, command)
    native = tmp_path / "native.exe"
    subprocess.run([*command, "-o", native, *objects.values()], check=True, env=environment(), timeout=900)
    expected = run(["wine", native]).stdout

    jit.add_object(objects["log"])
    jit.add_object(objects["threads"])
    part = jit.add_object(objects["part"])
    touch = jit.lookup("touch").address
    start = jit.lookup("start").function("void *(void *, int)")
    wait = address_of(jit.executor, "WaitForSingleObject")
    call = jit.executor.process.call
    assert call(wait, start(touch, 10), 60_000) == 0
    result = jit.lookup("of_library").function("int(void *, int)")(touch, 1)
    before = notes(jit)
    assert f"{result}: {' '.join(map(str, before))}" == expected

    thread = start(touch, 1500)
    await_notes(jit, len(before) + 2)
    released = part.remove()
    assert (released.pending_thread_destructors, released.memory) == (3, 0)
    assert notes(jit)[len(before) :] == [1, 2]
    assert call(wait, thread, 60_000) == 0
    assert notes(jit) == before + before[: len(before) // 2]

    part = jit.add_object(objects["part"])  # what waited goes
    assert jit.lookup("touch").function("int(int)")(1) == 2
    count = len(notes(jit))
    thread = start(jit.lookup("touch").address, 60_000)
    await_notes(jit, count + 2)
    assert part.remove().pending_thread_destructors == 3
    assert call(address_of(jit.executor, "GetModuleHandleA"), b"libstdc++-6.dll\0") == 0
    jit.close()  # with a thread that still has destructors in removed code
