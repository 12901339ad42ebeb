"""Executors of each system, for the tests of this folder that hold for all of them, and objects for those that lie."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.compiling import Compile
from support.executors import TARGETS
from support.requirements import require_tool

LINUX = TARGETS[0]

LIARS_SOURCES = {
    "plain.c": r"""
        #include <stdio.h>
        #include <stdlib.h>
        extern char **environ;
        static __thread int own = 2; __thread int offered[4] = {1, 2, 3, 4};
        int numbers[8] = {1, 2, 3}; static int ready;
        int later(int);
        __attribute__((constructor)) static void prepare(void) { ready = 0; numbers[7] = environ && stdout; }
        __attribute__((destructor)) static void finish(void) { ready = -1; }
        int use(int n, int (*callback)(int)) { return callback(n) + own + offered[0] - 1 + ready + later(0); }
        """,
    "lazy.c": "int later(int n) { return n; }",
    "throws.cpp": r"""
        #include <stdexcept>
        #include <string>
        static int thrown(int n) { if (n) throw std::runtime_error(std::string(n, 'x')); return 0; }
        extern "C" int catches(int n) {
            try { return thrown(n); } catch (std::exception &error) { return std::string(error.what()).size(); }
        }
        """,
}

SOURCES_OF_WINDOWS = {
    "plain.c": r"""
        void *malloc(unsigned long long);
        static __thread int own = 2; __thread int offered[4] = {1, 2, 3, 4};
        int numbers[8] = {1, 2, 3}; static int ready;
        __attribute__((constructor)) static void prepare(void) { ready = 0; numbers[7] = malloc(8) != 0; }
        __attribute__((destructor)) static void finish(void) { ready = -1; }
        int use(int n, int (*callback)(int)) { return callback(n) + own + offered[0] - 1 + ready; }
        """,
    "throws.c": r"""
        void RaiseException(unsigned, unsigned, unsigned, void *);
        __declspec(noinline) static void thrown(int n) { if (n) RaiseException(0x12345678, 0, 0, 0); }
        int catches(int n) { __try { thrown(n); } __except (1) { return n; } return 0; }
        """,
}
CLANG = {"plain": "x86_64-w64-windows-gnu", "throws": "x86_64-pc-windows-msvc"}
"""The kind of clang for each object of Windows: one has thread-locals, the other structured exceptions."""


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest) -> str:
    """Executors of both systems: what reads messages, and who may come in, is the same source."""
    if request.param == "x86_64-windows":
        request.getfixturevalue("wine")
    return str(request.param)


@pytest.fixture(scope="module")
def liars_objects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sweep's objects."""
    folder = tmp_path_factory.mktemp("lies")
    compiler = Compile(folder)
    for name, source in LIARS_SOURCES.items():
        stem, _, language = name.partition(".")
        made = compiler(source, "-fPIC", "-O1", language=language, name=stem)
        made.rename(folder / f"{stem}.o")
    return folder


@pytest.fixture
def liars_folder(target: str, liars_objects: Path, tmp_path: Path) -> Path:
    """Return a folder of the test's own with the sweep's objects for its target."""
    if target == LINUX:
        for path in liars_objects.glob("*.o"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
        return tmp_path
    for name, source in SOURCES_OF_WINDOWS.items():
        stem = name.partition(".")[0]
        command = [require_tool("clang-19"), f"--target={CLANG[stem]}", "-O1", "-w", "-x", "c", "-c", "-"]
        subprocess.run([*command, "-o", tmp_path / f"{stem}.o"], input=source, text=True, check=True)
    return tmp_path
