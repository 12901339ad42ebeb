"""Exceptions in four threads while modules come and go, under each unwinder: none is missed.

URUK_SOAK=1 takes 10,000 modules for each unwinder.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support.compiling import Compile, RunChild
from support.requirements import missing

pytestmark = pytest.mark.any_interpreter

MODULES = 10_000 if os.environ.get("URUK_SOAK") else 60
VARIANTS = 12
SOURCE = Path(__file__).parent / "throwing.cpp"
LLVM = Path("/usr/lib/llvm-19/lib")

TEXT = """
    import random, sys, uruk
    place, count, threads, *paths = sys.argv[1:]
    libraries = [path for path in paths if not path.endswith(".o")]
    objects = [open(path, "rb").read() for path in paths if path.endswith(".o")]
    choose = random.Random(7)
    executor = None if place == "here" else uruk.spawn(shared_memory=place == "child")
    with uruk.LLJIT(executor=executor) as jit:
        for library in libraries:
            (jit.add_archive if library.endswith(".a") else jit.add_library)(library)
        jit.add_object(threads)
        start = jit.lookup("start").function("int(void)")
        stop = jit.lookup("stop").function("long(void)")
        assert start() == 0
        live, tables = {}, 0
        for number in range(int(count)):
            variant = choose.randrange(len(objects))
            if variant in live:
                live.pop(variant).remove()
            live[variant] = jit.add_object(objects[variant])
            for index in range(variant + 1):
                f = jit.lookup(f"f{variant}_{index}").function("int(int)")
                assert f(number) == number + index, (number, variant, index)
            tables += bool(live[variant].resources.entries)
            other = choose.choice(list(live))
            assert jit.lookup(f"f{other}_0").function("int(int)")(5) == 5
        thrown = stop()
        assert thrown > 0, thrown
        assert tables > int(count) // 2, tables
        print("thrown", thrown > int(count))
"""


def variant(number: int) -> str:
    """A module of `number` + 1 functions, of different sizes, that throw and catch."""
    padding = "x = x * 3 + 1; " * number
    return "".join(
        f'extern "C" int f{number}_{index}(int x) {{ int y = x; try {{ {padding * index} throw y; }} '
        f"catch (int e) {{ return e + {index} + (x & 0); }} }}\n"
        for index in range(number + 1)
    )


def _print_file_name(compiler: str, name: str) -> str:
    return subprocess.run(
        [compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=True
    ).stdout.strip()


def _llvm(name: str) -> str:
    path = LLVM / name
    if not path.exists():
        missing(str(path))
    return str(path)


@pytest.mark.parametrize("unwinder", ["libgcc_s", "libgcc_eh.a", "libunwind.so", "libunwind.a", "preloaded libunwind"])
@pytest.mark.parametrize("place", ["here", "child", "wire"])
def test_no_exception_is_missed(
    unwinder: str, place: str, cc: Compile, child: RunChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ("-O1", "-std=c++17", "-fPIC")
    threads = cc.cpp(SOURCE.read_text(), *flags)
    modules = [cc.cpp(variant(number), *flags) for number in range(VARIANTS)]
    libraries = {
        "libgcc_s": ["stdc++"],
        "preloaded libunwind": ["stdc++"],
        "libgcc_eh.a": [_print_file_name("g++", "libstdc++.a"), _print_file_name("gcc", "libgcc_eh.a")],
        "libunwind.so": [_llvm("libc++abi.so"), _llvm("libunwind.so.1")],
        "libunwind.a": [_llvm("libc++abi.a"), _llvm("libunwind.a")],
    }[unwinder]
    if unwinder == "preloaded libunwind":
        monkeypatch.setenv("LD_PRELOAD", _llvm("libunwind.so.1"))
    count = MODULES if place == "child" else MODULES // 4
    limit = 300 + MODULES / 2
    assert child.ok(TEXT, place, count, threads, *libraries, *modules, timeout=limit) == "thrown True\n"
