"""What uruk's own code does in an AArch64 process: calls, callbacks, lazy functions, descriptors, memory used again."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import uruk
from uruk.errors import ExecutorCrashed, ObjectFormatError

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

GCC = "aarch64-linux-gnu-gcc"
SOURCE = """
#include <stdlib.h>
#include <string.h>
#include <errno.h>
double mixed(int a, double b, long c, float d, short e, double f, char g, long h, long i, long j, long k, double l) {
    return a + b + c + d + e + f + g + h * 10 + i * 100 + j * 1000 + k * 10000.0 + l;
}
int apply(int (*f)(int, double, long, long, long, long, long, long, long, long), int x) {
    return f(x, 0.5, 1, 2, 3, 4, 5, 6, 7, 8) + 1;
}
float half(float x) { return x / 2; }
int values[4] = {1, 2, 3, 4};
int sum(void) { int s = 0; for (int i = 0; i < 4; i++) s += values[i]; return s; }
void crash(void) { *(volatile int *)8 = 1; }
void fill(char *to, int n) { memset(to, 'x', n); }
"""


@pytest.fixture(params=["shared", "wire"])
def jit(request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    for tool in (GCC, "qemu-aarch64"):
        require_tool(tool)
    executor = uruk.spawn(target="aarch64-linux", shared_memory=request.param == "shared")
    with uruk.LLJIT(executor=executor) as one:
        yield one


def compiled(folder: Path, text: str, *flags: str, output: Path | None = None) -> Path:
    path = output or folder / f"{len(list(folder.iterdir()))}.o"
    flags += () if output else ("-c",)
    subprocess.run([GCC, "-O1", *flags, "-x", "c", "-o", path, "-"], input=text.encode(), check=True)
    return path


def test_calls_and_callbacks(tmp_path: Path, jit: uruk.LLJIT) -> None:
    jit.add_object(compiled(tmp_path, SOURCE))
    text = "double(int, double, long, float, short, double, char, long, long, long, long, double)"
    mixed = jit.lookup("mixed").function(text)
    assert mixed(1, 0.5, 2, 0.25, 3, 0.125, 4, 5, 6, 7, 8, 0.0625) == 10.9375 + 50 + 600 + 7000 + 80000
    assert jit.lookup("half").function("float(float)")(3.0) == 1.5
    seen: list[tuple[object, ...]] = []

    def python(*values: object) -> int:
        seen.append(values)
        return 41 + jit.lookup("sum").function("int(void)")()

    callback = jit.executor.callback("int(int, double, long, long, long, long, long, long, long, long)", python)
    assert jit.lookup("apply").function("int(void *, int)")(callback, -3) == 41 + 10 + 1
    assert seen == [(-3, 0.5, 1, 2, 3, 4, 5, 6, 7, 8)]
    room = bytearray(8)
    jit.lookup("fill").function("void(void *, int)")(room, 5)
    assert bytes(room) == b"xxxxx\0\0\0"


def test_memory_is_used_again(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Other code at the same address: no old translation of it runs."""
    paths = [compiled(tmp_path, f"int answer(int x) {{ return x * {number} + {number}; }}") for number in range(1, 6)]
    addresses: set[int] = set()
    for turn in range(20):
        number = turn % 5
        tracker = jit.add_object(paths[number])
        answer = jit.lookup("answer")
        addresses.add(answer.address)
        assert answer.function("int(int)")(10) == 11 * (number + 1)
        tracker.remove()
    assert len(addresses) == 1


def test_lazy_functions(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """A first call keeps every argument, from several threads."""
    source = "double lazy(int a, double b, long c, double d, long e, long f, long g, long h, long i, long j)"
    source += "{ return a + b + c + d + e + f + g + h + 10 * i + 100 * j; }"
    user = "extern double lazy(int, double, long, double, long, long, long, long, long, long);"
    user += "double use(void) { return lazy(1, 0.5, 2, 0.25, 3, 4, 5, 6, 7, 8); }"
    jit.add_object(compiled(tmp_path, source, "-fPIC"), lazy=True)
    jit.add_object(compiled(tmp_path, user, "-fPIC"))
    use = jit.lookup("use").function("double(void)")
    results: list[float] = []
    threads = [threading.Thread(target=lambda: results.append(use())) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert results == [21.75 + 70 + 800] * 4


TLS = """
static _Thread_local int counter = 40;
_Thread_local int big[%d];
int next(void) { big[1]++; return ++counter + big[1]; }
"""


@pytest.mark.parametrize("model", ["-mcmodel=small", "-mcmodel=tiny"])
@pytest.mark.parametrize("size", [4, 100_000])
def test_descriptors(tmp_path: Path, jit: uruk.LLJIT, size: int, model: str) -> None:
    """With room they become local-exec, without they stay calls; the values are the same in every thread."""
    jit.add_object(compiled(tmp_path, TLS % size, "-fPIC", model))
    found = jit.lookup("next")
    step = found.function("int(void)")
    assert [step(), step()] == [42, 44]
    assert bool(calls_by_register(jit, found.address)) == (size > 4)


@pytest.mark.parametrize("model", ["-mcmodel=small", "-mcmodel=tiny"])
@pytest.mark.parametrize("size", [4, 100_000])
def test_descriptors_of_a_library(tmp_path: Path, jit: uruk.LLJIT, size: int, model: str) -> None:
    """Where the loader gave the library static storage, code needs its descriptor no more."""
    text = f"_Thread_local int first = 7; _Thread_local int values[{size}] = {{40, 41}};"
    text += "int next(void) { return ++values[1]; } int *where(void) { return &values[1]; }"
    library = tmp_path / "libvalues.so"
    compiled(tmp_path, text, "-fPIC", "-shared", "-nostdlib", output=library)
    jit.add_library(library)
    user = "extern _Thread_local int first, values[]; int next(void); int *where(void);"
    user += "int step(void) { return ++values[1] + first; }"
    user += "int check(void) { return &values[1] == where() ? next() : -1; }"
    jit.add_object(compiled(tmp_path, user, "-fPIC", model))
    found = jit.lookup("step")
    step, check = found.function("int(void)"), jit.lookup("check").function("int(void)")
    assert [step(), check(), step()] == [49, 43, 51]
    assert bool(calls_by_register(jit, found.address)) == (size > 4)


@pytest.mark.parametrize("style", ["gnu", "sysv"])
def test_many_names_of_a_library(tmp_path: Path, jit: uruk.LLJIT, style: str) -> None:
    """One call of the runtime says of every name what it is, by either hash table."""
    text = "".join(f"int f{n}(void) {{ return {n}; }} int d{n} = {n};" for n in range(60))
    library = tmp_path / "libmany.so"
    compiled(tmp_path, text, "-fPIC", "-shared", "-nostdlib", f"-Wl,--hash-style={style}", output=library)
    jit.add_library(library)
    handle = jit.main.search.libraries[-1].handle
    names = [name for n in range(60) for name in (b"f%d" % n, b"d%d" % n, b"nobody%d" % n)]
    found = jit.executor.libraries.find_symbols([handle], names)
    assert (found.address != 0).tolist() == [True, True, False] * 60
    assert found.is_data.tolist() == [False, True, False] * 60
    total = "+".join(f"f{n}() + d{n}" for n in range(60))
    declared = "".join(f"extern int f{n}(void), d{n};" for n in range(60))
    jit.add_object(compiled(tmp_path, f"{declared} int total(void) {{ return {total}; }}", "-fPIC"))
    assert jit.lookup("total").function("int(void)")() == 60 * 59


def calls_by_register(jit: uruk.LLJIT, address: int) -> list[int]:
    """The `blr` instructions of a function, up to its first `ret`."""
    code = jit.executor.process.read(address, 256)  # pyright: ignore[reportAttributeAccessIssue]
    words = [int.from_bytes(code[at : at + 4], "little") for at in range(0, 256, 4)]
    return [word for word in words[: words.index(0xD65F03C0)] if word & 0xFFFFFC1F == 0xD63F0000]


def test_sources_are_compiled_for_it(jit: uruk.LLJIT) -> None:
    jit.add_source(text="int seven(void) { return 7; }", language="c")
    assert jit.lookup("seven").function("int(void)")() == 7
    text = '#include <string>\nextern "C" int size(int n) { return std::string(n, 120).append("yz").size(); }'
    jit.add_source(text=text, language="c++")
    assert jit.lookup("size").function("int(int)")(40) == 42


def test_crash_is_named(tmp_path: Path, jit: uruk.LLJIT) -> None:
    jit.add_object(compiled(tmp_path, SOURCE))
    with pytest.raises(ExecutorCrashed, match=r"SIGSEGV in crash\+0x[0-9a-f]+ \(.*\.o\).*accessed 0x8"):
        jit.lookup("crash").function("void(void)")()


def test_tiny_model_is_one_arena(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Literal loads and ADR across sections, with what they reach in one MiB; other batches lie elsewhere."""
    text = """
        extern int puts(const char *);
        int data[4] = {1, 2, 3, 4}, zero[100]; const int table[3] = {5, 6, 7};
        int tiny(int i) { return data[i] + zero[i] + table[i]; }
        void *places[] = {data, zero, (void *)table, (void *)tiny, (void *)puts};
    """
    jit.add_object(compiled(tmp_path, text, "-mcmodel=tiny", "-fno-pie"))
    jit.add_object(compiled(tmp_path, "int other(void) { return 9; }"))
    assert jit.lookup("tiny").function("int(int)")(2) == 10
    places = [jit.lookup(name).address for name in ("data", "zero", "table", "tiny")]
    assert max(places) - min(places) < 1 << 20
    assert jit.lookup("other").function("int(void)")() == 9


def test_branch_targets(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Stubs begin with a landing pad: code built for BTI may branch to them indirectly."""
    text = "extern int abs(int); int (*pick(void))(int) { return abs; }"
    jit.add_object(compiled(tmp_path, text, "-mbranch-protection=standard", "-fno-pie", "-mcmodel=tiny"))
    address = jit.lookup("pick").function("void *(void)")()
    assert jit.executor.process.read(address, 4) == b"\x5f\x24\x03\xd5"  # pyright: ignore[reportAttributeAccessIssue]


def test_other_objects_are_refused(tmp_path: Path, jit: uruk.LLJIT) -> None:
    good = compiled(tmp_path, "int f(void) { return 1; }")
    data = good.read_bytes()
    cases = {
        "only 64-bit little-endian": data[:4] + b"\1" + data[5:],
        "little-endian objects": data[:5] + b"\2" + data[6:],
        r"machine 62, expected 183 \(AArch64\)": data[:18] + b"\x3e\0" + data[20:],
    }
    for message, changed in cases.items():
        with pytest.raises(ObjectFormatError, match=message):
            jit.add_object(changed, "other.o")
    jit.add_object(good)
    assert jit.lookup("f").function("int(void)")() == 1


def test_a_value_out_of_range_has_the_architectures_advice(tmp_path: Path, jit: uruk.LLJIT) -> None:
    jit.define("near", 1 << 44)
    jit.define("far", 1 << 45)
    text = "extern char near[], far[]; long f(void) { return far - near; }"
    jit.add_object(compiled(tmp_path, text, "-fno-pie"))
    with pytest.raises(uruk.OutOfRange) as caught:
        jit.lookup("f")
    assert caught.value.hint.startswith("`far' is an absolute address")
    assert "-fPIC and -mcmodel=small" in caught.value.hint


@pytest.mark.parametrize("cpu", ["cortex-a53", "max"])
def test_outlined_atomics(tmp_path: Path, cpu: str) -> None:
    """With and without the LSE instructions: every operation, size and order gives what the compiler's own do."""
    names = {"swp": "exchange_n", "ldadd": "fetch_add", "ldclr": "fetch_and", "ldset": "fetch_or", "ldeor": "fetch_xor"}
    lines: list[str] = []
    for kind in ("char", "short", "int", "long"):
        for name, builtin in names.items():
            operand = f"(unsigned {kind})~0x35" if name == "ldclr" else "0x35"
            for order in ("RELAXED", "ACQUIRE", "RELEASE", "ACQ_REL"):
                lines.append(
                    f"{{ unsigned {kind} p = 0x5a, q = 0x5a, r = __atomic_{builtin}(&p, {operand}, __ATOMIC_{order});"
                    f" if (r != 0x5a || p != plain_{name}(q)) return {len(lines) + 1}; }}"
                )
        lines.append(
            f"{{ unsigned {kind} p = 1, e = 2; if (__atomic_compare_exchange_n(&p, &e, 9, 0, 5, 5) || e != 1 || p != 1)"
            f" return 1000; if (!__atomic_compare_exchange_n(&p, &e, 9, 0, 5, 5) || p != 9) return 1001; }}"
        )
    plain = {"swp": "0x35", "ldadd": "x + 0x35", "ldclr": "x & ~0x35", "ldset": "x | 0x35", "ldeor": "x ^ 0x35"}
    helpers = "\n".join(f"static long plain_{name}(long x) {{ return {text}; }}" for name, text in plain.items())
    path = compiled(tmp_path, helpers + "\nint check(void) {" + "\n".join(lines) + "return 0; }", "-moutline-atomics")
    assert re.search(rb"__aarch64_ldadd4_acq_rel", path.read_bytes())
    for tool in (GCC, "qemu-aarch64"):
        require_tool(tool)
    launcher = ["qemu-aarch64", "-cpu", cpu, "-L", "/usr/aarch64-linux-gnu"]
    with uruk.LLJIT(executor=uruk.spawn(target="aarch64-linux", launcher=launcher)) as jit:
        jit.add_object(path)
        assert jit.lookup("check").function("int(void)")() == 0


GOT_LOADS = """
        .globl pair, shared, apart, literal
        .section .text.pair,"ax",%progbits
    pair:
        adrp x0, :got:value
        ldr  x0, [x0, :got_lo12:value]
        ldr  w0, [x0]
        ret
        .section .text.shared,"ax",%progbits
    shared:                             // one page serves two loads
        adrp x2, :got:other
        ldr  x0, [x2, :got_lo12:other]
        ldr  x1, [x2, :got_lo12:other]
        ldr  w0, [x0]
        ldr  w1, [x1]
        add  w0, w0, w1
        ret
        .section .text.apart,"ax",%progbits
    apart:                              // another register gets the address, the page stays
        adrp x3, :got:value
        ldr  x0, [x3, :got_lo12:value]
        ldr  w0, [x0]
        ret
        .section .text.literal,"ax",%progbits
    literal:
        ldr  x0, :got:value
        ldr  w0, [x0]
        ret
        .data
        .globl value, other
    value: .word 41
    other: .word 21
"""


def test_got_loads(tmp_path: Path, jit: uruk.LLJIT) -> None:
    """Loads through the GOT become computations where nothing else needs what they load."""
    subprocess.run(["aarch64-linux-gnu-as", "-o", tmp_path / "got.o", "-"], input=GOT_LOADS.encode(), check=True)
    jit.add_object(tmp_path / "got.o")
    second = {}
    for name, value in (("pair", 41), ("shared", 42), ("apart", 41), ("literal", 41)):
        found = jit.lookup(name)
        assert found.function("int(void)")() == value
        code = jit.executor.process.read(found.address, 8)  # pyright: ignore[reportAttributeAccessIssue]
        second[name] = [int.from_bytes(code[at : at + 4], "little") >> 24 for at in (0, 4)]
    assert second["pair"][1] == 0x91, "add"
    assert second["shared"][1] == 0xF9, "ldr"
    assert second["apart"][1] == 0xF9, "ldr"
    assert second["literal"][0] & 0x9F == 0x10, "adr"


def test_stubs_reach_slots_on_both_sides() -> None:
    """A table may lie below its stubs, or above them, and pages away."""
    from uruk.isa import aarch64

    stubs = np.array([0x10000, 0x7FFFF000, 0x10FF0, 0x10000], np.int64)
    slots = np.array([0x20008, 0x1000, 0xFFF8, 0x10000 + (1 << 32) - 8192], np.int64)
    image = np.zeros(16 * stubs.size, np.uint8)
    aarch64.write_stubs(image, 16 * np.arange(stubs.size), stubs, slots)
    for row, (_, page, load, _) in enumerate(image.view(np.uint32).reshape(-1, 4).tolist()):
        low, high = page >> 29 & 3, page >> 5 & 0x7FFFF
        pages = (high << 2 | low) - ((high & 1 << 18) << 3)
        assert (stubs[row] + 4 & ~0xFFF) + (pages << 12) + 8 * (load >> 10 & 0xFFF) == slots[row]
