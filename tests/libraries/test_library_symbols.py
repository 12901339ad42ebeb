"""Names of libraries, asked for in one call: what each is, of which library and version; and answers that lie."""

from __future__ import annotations

import random
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import uruk
from uruk.errors import ExecutorError
from uruk.executor.interface import Executor
from uruk.executor.library_symbols import find_symbols
from uruk.platforms.linux import process_symbols
from uruk.platforms.linux.libraries_here import FEW

from support.compiling import Compile, require_tool

MANY = [b"no_such_name_%d" % number for number in range(FEW + 1)]
"""Enough names for the call of the runtime to be taken in process, too."""
SOURCE = """
    int data = 7, other_data[4]; const int constant = 3; __thread int local; int common_data;
    static int chosen_body(void) { return 11; }
    static int (*resolve(void))(void) { return chosen_body; }
    int chosen(void) __attribute__((ifunc("resolve")));
    extern int puts(const char *);
    int function(void) { return puts("needs libc"); }
    __attribute__((weak)) int weak_data = 2;
    __attribute__((visibility("protected"))) int protected_data = 5;
    extern int alias_of_data __attribute__((alias("data")));
"""
PLACES = {"here": lambda: uruk.LLJIT(), "child": lambda: uruk.LLJIT(executor=uruk.spawn())}


@pytest.fixture(params=PLACES)
def jit(request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    """A session in process, and one in a child."""
    with PLACES[request.param]() as one:
        yield one


def handle_of(jit: uruk.LLJIT, path: Path) -> int:
    jit.add_library(path)
    return jit.main.search.libraries[-1].handle


def asked(executor: Executor, handles: list[int | None], *names: bytes) -> list[tuple[bool, bool, bool]]:
    """Of each name: whether it is found, a variable, in a library; the same alone and among many."""
    alone = executor.libraries.find_symbols(handles, names)
    found = executor.libraries.find_symbols(handles, [*names, *MANY])
    count = len(names)
    assert found.address[:count].tolist() == alone.address.tolist()
    assert not found.address[count:].any()
    return list(
        zip((found.address[:count] != 0).tolist(), found.is_data.tolist(), found.in_library.tolist(), strict=False)
    )


@pytest.mark.parametrize("style", ["gnu", "sysv", "both"])
def test_what_names_are(cc: Compile, jit: uruk.LLJIT, style: str) -> None:
    handle = handle_of(jit, cc.shared("libnames.so", SOURCE, f"-Wl,--hash-style={style}"))
    data, nothing, code = (True, True, True), (False, False, False), (True, False, True)
    names = {
        b"data": data, b"other_data": data, b"constant": data, b"common_data": data, b"weak_data": data,
        b"protected_data": data, b"alias_of_data": data, b"function": code, b"chosen": code, b"resolve": nothing,
        b"": nothing, b"data\0": nothing, b"datum": nothing, b"puts": code, b"environ": data,
    }  # fmt: skip
    assert asked(jit.executor, [handle], *names) == list(names.values())


def test_libraries_in_their_order_then_the_process(cc: Compile, jit: uruk.LLJIT) -> None:
    first = handle_of(jit, cc.shared("libfirst.so", "int both = 1; int puts(const char *s) { return *s; }"))
    second = handle_of(jit, cc.shared("libsecond.so", "int both = 2, second = 3;"))
    names = [b"both", b"second", b"puts", b"strlen", *MANY]
    one = jit.executor.libraries.find_symbols([first], names).address
    two = jit.executor.libraries.find_symbols([second], names).address
    process = jit.executor.libraries.find_symbols([None], names).address
    found = jit.executor.libraries.find_symbols([first, second, None], names).address
    assert found[:4].tolist() == [one[0], two[1], one[2], process[3]]
    assert jit.executor.libraries.find_symbols([second, first], names).address[0] == two[0]
    assert jit.executor.libraries.find_symbols([], names).address.tolist() == [0] * len(names)


def test_the_process_is_the_global_scope(cc: Compile, jit: uruk.LLJIT) -> None:
    """A library that was loaded for some dylib only is not in it, though the slab's own object needs it."""
    handle_of(jit, cc.shared("liblocal.so", "int only_in_this_local_library = 1;"))
    with uruk.LLJIT() as other:  # its slab comes after the library
        other.lookup("strlen")
        for executor in (jit.executor, other.executor):
            assert asked(executor, [None], b"only_in_this_local_library", b"strlen") == [
                (False, False, False),
                (True, False, True),
            ]


def test_versions(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """The type is that of the version that was asked for: one is a variable here, the other a function."""
    source = tmp_path / "v.c"
    source.write_text(
        "int old_thing[2] = {1}; int new_thing(void) { return 2; }\n"
        '__asm__(".symver old_thing, thing@V1"); __asm__(".symver new_thing, thing@@V2");\n'
    )
    (tmp_path / "v.map").write_text("V1 { global: thing; local: *; }; V2 { global: thing; } V1;")
    library = tmp_path / "libversions.so"
    flags = ["-shared", "-fPIC", "-w", f"-Wl,--version-script={tmp_path / 'v.map'}"]
    subprocess.run([require_tool("gcc"), *flags, "-o", library, source], check=True)
    handle = handle_of(jit, library)
    names = [b"thing", b"thing@V1", b"thing@V2", b"thing@V3", *MANY]
    found = jit.executor.libraries.find_symbols([handle], names)
    assert found.address[0] == found.address[2]
    assert found.address[0] != found.address[1]
    assert found.is_data[:4].tolist() == [False, True, False, False]
    assert (found.address[:4] != 0).tolist() == [True, True, True, False]


def test_many_names_link_and_run(cc: Compile, jit: uruk.LLJIT) -> None:
    count = 200
    names = range(count)
    library = "".join(f"int f{n}(void) {{ return {n}; }} int d{n} = {n};" for n in names)
    handle_of(jit, cc.shared("libmany.so", library))
    declared = "".join(f"extern int f{n}(void), d{n};" for n in names)
    total = "+".join(f"f{n}() + d{n}" for n in names)
    jit.add_object(cc(f"{declared} int total(void) {{ return {total}; }}", "-fPIC"))
    address = jit.lookup("total").address
    assert jit.executor.process.call(address) == count * (count - 1)


def test_a_name_that_nothing_has_is_told_of_among_many(cc: Compile, jit: uruk.LLJIT) -> None:
    handle_of(jit, cc.shared("libfew.so", "".join(f"int f{n}(void) {{ return {n}; }}" for n in range(100))))
    calls = "+".join(f"f{n}()" for n in range(101))
    declared = "".join(f"extern int f{n}(void);" for n in range(101))
    jit.add_object(cc(f"{declared} int total(void) {{ return {calls}; }}"))
    with pytest.raises(uruk.UndefinedSymbols) as caught:
        jit.lookup("total")
    assert [symbol.name for symbol in caught.value.symbols] == ["f100"]
    jit.add_object(cc("int f100(void) { return 100; }"))
    assert jit.executor.process.call(jit.lookup("total").address) == 5050


@pytest.mark.parametrize("style", ["gnu", "sysv"])
def test_names_are_those_of_dlsym(cc: Compile, jit: uruk.LLJIT, style: str) -> None:
    """Of thousands that the library, one that it needs, or none has; names that differ in a letter among them."""
    chance = random.Random(5)
    own = [b"".join(chance.choices([b"a", b"b", b"_Z", b"9x"], k=chance.randint(1, 20))) for _ in range(2000)]
    source = "".join(f"int v_{name.decode()};" for name in dict.fromkeys(own[::2]))
    library = cc.shared("libdrawn.so", source, f"-Wl,--hash-style={style}", "-Wl,--no-as-needed", "-lm")
    handle, here = handle_of(jit, library), process_symbols.load_library(str(library))
    near = [name.replace(b"b", b"c", 1) for name in own]
    names = [b"v_" + name for name in [*own, *near]] + [b"cos", b"puts", b"cosh", b"cost", b"y0", b"y2"]
    found = jit.executor.libraries.find_symbols([handle], names).found.tolist()
    assert found == [bool(process_symbols.find_symbol(here, name)) for name in names]
    assert 1000 < sum(found) < 3000


@pytest.mark.parametrize("kind", ["-F", "-f"])
def test_a_filter_has_the_names_of_another_library(cc: Compile, jit: uruk.LLJIT, kind: str) -> None:
    real = cc.shared("libreal.so", "int filtered = 5, real_only = 6;")
    options = f"-Wl,{kind},{real}", "-Wl,--hash-style=gnu"
    handle = handle_of(jit, cc.shared(f"libfilter{kind}.so", "int filtered = 1;", *options))
    names = [b"filtered", *MANY]
    address = jit.executor.libraries.find_symbols([handle], names).address[0]
    assert jit.executor.process.read(int(address), 4) == (5).to_bytes(4, "little")


# -- answers that lie


class Lying:
    """A runtime whose process answers with these bytes."""

    def __init__(self, answer: Callable[[int], bytes]) -> None:
        self.answer = answer

    def call(self, name: bytes, *arguments: Any) -> int:
        rows: bytearray = arguments[-1]
        rows[:] = self.answer(len(rows))[: len(rows)].ljust(len(rows), b"\0")
        return 0


@pytest.mark.parametrize(
    "row",
    [(1, 0, 8, 0), (1, 0, 1 << 31, 0), (1, 0, 1, 1), (1, 0, 0, 1 << 31), (0, 0, 1, 0), (0, 0, 2, 0)],
    ids=["flag", "high flag", "library", "high library", "data nowhere", "library nowhere"],
)
def test_an_answer_that_lies(row: tuple[int, int, int, int]) -> None:
    runtime: Any = Lying(lambda size: struct.pack("<QQII", *row))
    with pytest.raises(ExecutorError, match="makes no sense"):
        find_symbols(runtime, [None], [b"f", b"g"])


def test_any_bytes_are_an_answer_or_an_error() -> None:
    chance = np.random.default_rng(3)
    for _ in range(300):
        runtime: Any = Lying(lambda size: chance.integers(0, 3, size, np.uint8).tobytes())
        try:
            found = find_symbols(runtime, [None, 1], [b"f"] * 3)
        except ExecutorError:
            continue
        assert found.address.size == found.is_data.size == found.in_library.size == 3


# -- growth


def test_a_large_library_costs_no_more_for_each_name(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Each name costs about what dlsym alone costs, however many symbols the library has."""
    names = [b"function_of_a_library_%d" % number for number in range(30_000)]
    form = b".globl %s\n.type %s, @function\n%s: ret\n.size %s, 1\n"
    code = b"".join(form % (name, name, name, name) for name in names) + b'.section .note.GNU-stack, ""\n'
    library = tmp_path / "libbig.so"
    command = [require_tool("gcc"), "-shared", "-nostdlib", "-x", "assembler", "-", "-o", library]
    subprocess.run(command, input=code, check=True)
    handle, here = handle_of(jit, library), process_symbols.load_library(str(library))
    alone: list[float] = []
    together: list[float] = []
    for _ in range(5):
        begin = time.perf_counter()
        assert all(process_symbols.find_symbol(here, name) for name in names)
        alone.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        assert jit.executor.libraries.find_symbols([handle], names).address.all()
        together.append(time.perf_counter() - begin)
    assert min(together) < 10 * min(alone)  # a search through all symbols for each name: hundreds of times
