"""Where code lies: in reach of the data that it refers to by 32 bits, under an interpreter of either kind."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

import uruk
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.manager import SMALLEST_SLAB

from support.compiling import Compile, RunChild, fixed_interpreter
from support.requirements import missing


@pytest.fixture(params=["this", "fixed"])
def python(request: pytest.FixtureRequest) -> str:
    """This interpreter, and one that is a program at a fixed address."""
    if request.param == "this":
        return sys.executable
    found = fixed_interpreter()
    if found is None:
        missing("an interpreter at a fixed address")
    assert found is not None
    return found


STREAMS = """
    #include <stdio.h>
    int say(void) { fputs("to stdout\\n", stdout); fflush(stdout); return fputs("to stderr\\n", stderr); }
"""
FLAGS = [(), ("-fPIC",), ("-fno-pie",), ("-mcmodel=large",), ("-mcmodel=medium", "-fno-pie")]


@pytest.mark.parametrize("flags", FLAGS)
def test_streams_by_every_kind_of_reference(cc: Compile, child: RunChild, python: str, flags: tuple[str, ...]) -> None:
    text = """
        import sys, uruk
        with uruk.LLJIT() as jit:
            jit.add_object(sys.argv[1])
            assert jit.lookup("say").function("int(void)")() >= 0
    """
    ended = child(text, cc(STREAMS, *flags), python=python)
    assert (ended.status, ended.out, ended.err) == (0, "to stdout\n", "to stderr\n")


def test_the_main_job_under_either_interpreter(cc: Compile, child: RunChild, python: str) -> None:
    source = """
        #include <stdexcept>
        #include <string>
        #include <vector>
        thread_local int mine = 4;
        static std::vector<std::string> words{"a", "b"};
        extern "C" int work() {
            try { return words.at(7).size(); } catch (const std::out_of_range &) { return ++mine + words.size(); }
        }
    """
    text = """
        import sys, uruk
        for flags in range(3):
            with uruk.LLJIT() as jit:
                jit.add_library("stdc++")
                code = jit.add_object(sys.argv[1])
                assert jit.lookup("work").function("int(void)")() == 7
                code.remove()
    """
    child.ok(text, cc.cpp(source), python=python)
    child.ok(text, cc.cpp(source, "-fPIC", "-O2"), python=python)


def test_fixed_address_code_lies_low_and_keeps_its_addresses(cc: Compile, jit: uruk.LLJIT) -> None:
    source = """
        #include <stdlib.h>
        static int values[4] = {1, 2, 3, 4};
        int at(int index) { return values[index]; }
        void *address_of_abs(void) { return (void *)abs; }
    """
    jit.add_object(cc(source, "-fno-pie"))
    jit.add_object(cc("#include <stdlib.h>\nvoid *same(void) { return (void *)abs; }", "-fno-pie"))
    found = jit.lookup_all(["at", "address_of_abs", "same"])
    assert found["at"].address < 1 << 31
    assert [found["at"].function("int(int)")(index) for index in range(4)] == [1, 2, 3, 4]
    first = found["address_of_abs"].function("size_t(void)")()
    assert first < 1 << 32
    assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(first)(-9) == 9


def test_far_library_data_is_an_error_that_names_symbol_and_flag(cc: Compile, child: RunChild) -> None:
    """A copy of `optind` would stay 1 while the library's becomes 4."""
    text = """
        import sys, uruk
        with uruk.LLJIT() as jit:
            jit.add_object(sys.argv[1])
            try:
                jit.lookup("get")
            except uruk.OutOfRange as error:
                assert "optind" in str(error) and "-fPI" in str(error), error
                assert error.symbol == "optind", error.symbol
            else:
                assert jit.lookup("get").address < 1 << 32 and jit.lookup("optind").address < 1 << 32
            jit.add_object(sys.argv[2])
            assert jit.lookup("good").function("int(void)")() == 1
    """
    source = "extern int optind; int values[4] = {3}; int get(int i) { return values[i] + optind; }"
    child.ok(text, cc(source, "-fno-pie"), cc("extern int optind; int good(void) { return optind; }", "-fPIC"))


def test_code_after_a_big_mapping_refers_to_code_before_it(cc: Compile, child: RunChild, python: str) -> None:
    """T5."""
    text = """
        import mmap, sys, uruk
        jit = uruk.LLJIT()
        a, b, later, library = sys.argv[1:]
        jit.add_object(a)
        assert jit.lookup("from_a").function("int(void)")() == 1
        hogs = [mmap.mmap(-1, 3 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000) for _ in range(3)]
        jit.add_object(b)
        assert jit.lookup("from_b").function("int(void)")() == 1 + 7 + 5
        jit.add_library(library)
        jit.add_object(later)
        assert jit.lookup("from_later").function("int(void)")() == 13 + 1000
        jit.close()
    """
    a = cc("int shared[2000] = {7}; int from_a(void) { return 1; }")
    b = cc("""
        #include <stdio.h>
        #include <stdlib.h>
        extern int shared[]; extern int from_a(void);
        int from_b(void) { return from_a() + shared[0] + abs(-5) + (stderr == 0); }
    """)
    later = cc("extern int library_data, library_call(void), from_b(void); "
               "int from_later(void) { return from_b() + library_data + library_call(); }")  # fmt: skip
    library = cc.shared("liblater.so", "int library_data = 400; int library_call(void) { return 600; }")
    child.ok(text, a, b, later, library, python=python)


def test_a_second_slab_is_in_reach_of_the_first(cc: Compile, child: RunChild) -> None:
    text = """
        import sys, uruk
        from uruk.memory.manager import SMALLEST_SLAB
        with uruk.LLJIT(slab_size=SMALLEST_SLAB) as jit:
            jit.add_object(sys.argv[1])
            jit.lookup("one")
            for number, path in enumerate(sys.argv[2:]):
                jit.add_object(path)
                assert jit.lookup(f"get_{number}").function("int(void)")() == 5 + number
            slabs = jit.session.executor.memory.slabs
            assert len(slabs) > 1
            assert max(slab.base + slab.size for slab in slabs) - min(slab.base for slab in slabs) < 1 << 31
    """
    big = """
        char zeros_{n}[20 << 20]; extern int first[];
        int get_{n}(void) {{ return first[0] + zeros_{n}[9] + {n}; }}
    """
    first = cc("int first[100] = {5}; int one(void) { return 1; }")
    child.ok(text, first, *(cc(big.format(n=number)) for number in range(6)))


def test_data_of_two_slabs_from_a_third(cc: Compile, child: RunChild) -> None:
    text = """
        import mmap, sys, uruk
        with uruk.LLJIT(slab_size=64 << 20) as jit:
            hogs = []
            for path in sys.argv[1:]:
                jit.add_object(path)
                jit.lookup({"0": "zero", "1": "one", "2": "two"}[path[-3]])
                hogs += [mmap.mmap(-1, 3 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000) for _ in range(2)]
            assert jit.lookup("two").function("int(void)")() == 12
            assert len(jit.session.executor.memory.slabs) == 3
    """
    first = cc("char a[20 << 20]; int zeroth = 4; int zero(void) { return a[0]; }", name="0")
    second = cc("char b[20 << 20]; int first = 8; int one(void) { return b[0]; }", name="1")
    third = cc("char c[20 << 20]; extern int zeroth, first; int two(void) { return zeroth + first + c[0]; }", name="2")
    child.ok(text, first, second, third)


def test_an_object_larger_than_a_slab(cc: Compile) -> None:
    with uruk.LLJIT(slab_size=SMALLEST_SLAB) as jit:
        code = jit.add_object(cc("char zeros[300 << 20]; char *end(void) { return zeros + sizeof zeros - 1; }"))
        end = jit.lookup("end").function("char *(void)")()
        jit.write(end, b"x")
        assert code.remove().memory >= 300 << 20


def test_a_static_with_a_destructor_far_from_the_host(cc: Compile, jit: uruk.LLJIT) -> None:
    """T3: __dso_handle is the tracker's own, in reach, never the host's."""
    source = """
        static int alive;
        namespace { struct Counted { Counted() { alive++; } ~Counted() { alive--; } }; }
        extern "C" int touch() { static Counted one; return alive; }
    """
    jit.add_library("stdc++")
    handles: set[int] = set()
    for number in range(3):
        text = source.replace("touch", f"touch_{number}")
        handle = cc(f"extern void *__dso_handle; void *handle_{number}(void) {{ return &__dso_handle; }}")
        jit.add_objects([cc.cpp(text), handle])
        assert jit.lookup(f"touch_{number}").function("int(void)")() == 1
        handles.add(jit.lookup(f"handle_{number}").function("size_t(void)")())
    assert len(handles) == 3
    for handle in handles:
        assert any(slab.base <= handle < slab.base + slab.size for slab in jit.session.executor.memory.slabs)


def test_no_code_at_the_start_of_a_slab_or_page(cc: Compile) -> None:
    """T14: a sanitizer reads the eight bytes before a function."""
    source = "int first(void) { return 1; }"
    for flags in ((), ("-falign-functions=4096",), ("-O2", "-ffunction-sections")):
        with uruk.LLJIT() as jit:
            jit.add_object(cc(source, *flags))
            address = jit.lookup("first").address
            assert ctypes.string_at(address - 16, 16) == bytes(16)


def test_no_page_is_ever_writable_and_executable(cc: Compile, jit: uruk.LLJIT) -> None:
    """Looked at where linked code first runs, an IFUNC's resolver, then in an initialiser, and when all is done."""
    seen: list[str] = []
    slabs = jit.session.executor.memory.slabs

    def look() -> int:
        for line in Path("/proc/self/maps").read_text().splitlines():
            start = int(line.split("-")[0], 16)
            if any(slab.base <= start < slab.base + slab.size for slab in slabs):
                seen.append(line.split()[1])
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int)(look)
    jit.define("look", callback)
    source = """
        extern int look(void);
        static int one(void) { return 1; }
        static void *choose(void) { look(); return one; }
        int chosen(void) __attribute__((ifunc("choose")));
        int counter = 1;
        const char *const texts[] = {"a", "b"};
        __attribute__((constructor)) static void begin(void) { look(); }
        int f(void) { return chosen() + counter++ + (texts[1][0] == 'b'); }
    """
    jit.add_object(cc(source, "-fPIC"))
    assert jit.lookup("f").function("int(void)")() == 3
    look()
    assert seen.count("r-xp") >= 3
    assert not [flags for flags in seen if "w" in flags and "x" in flags]


def test_a_library_loaded_later_lies_in_reach(cc: Compile, child: RunChild) -> None:
    """Beside the slab a window is kept free for libraries, whatever else the process has mapped since."""
    text = """
        import mmap, sys, uruk
        with uruk.LLJIT() as jit:
            jit.add_object(sys.argv[1])
            here = jit.lookup("f").address
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE
            filling = [mmap.mmap(-1, 1 << 18, flags) for _ in range(3 << 12)]  # small gaps, too
            jit.add_library("gomp")
            there = jit.lookup("omp_get_max_threads").address
            print(abs(here - there) < 1 << 31)
    """
    assert child.ok(text, cc("int f(void) { return 0; }")) == "True\n"


class Crowded(InProcessMapper):
    """A mapper of this process that has no room in the low 2 GiB."""

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        if high and low < 1 << 31:
            low = 1 << 31
            if high - low < size:
                raise uruk.AllocationError("the low 2 GiB are full")
        return super().reserve(size, low, high)


def test_unsigned_addresses_of_32_bits_reach_4_gib(cc: Compile) -> None:
    """``movl $d, %edi`` fits below 4 GiB; code with signed fields does not, and goes to the low 2 GiB where it can."""
    unsigned = "\t.globl f, d\nf: movl $d, %edi\n\tmovl (%rdi), %eax\n\tret\n\t.data\nd: .long 7\n"
    signed = "\t.globl g, e\ng: movl e, %eax\n\tret\n\t.data\ne: .long 8\n"
    with uruk.LLJIT(mapper=Crowded()) as jit:
        jit.add_object(cc(unsigned, language="s"))
        f = jit.lookup("f")
        assert 1 << 31 <= f.address < 1 << 32
        assert f.function("int(void)")() == 7
        jit.add_object(cc(signed, language="s"))
        with pytest.raises(uruk.AllocationError):
            jit.lookup("g")
        assert f.function("int(void)")() == 7
    with uruk.LLJIT() as jit:
        jit.add_objects([cc(unsigned, language="s"), cc(signed, language="s")])
        assert jit.lookup("f").address < 1 << 31
        assert jit.lookup("g").function("int(void)")() == 8


def test_relative_references_to_an_absolute_0(cc: Compile, jit: uruk.LLJIT) -> None:
    """A symbol at 0 is in reach of the low 2 GiB, as one at 8 is."""
    jit.define("nothing", 0)
    jit.define("eight", 8)
    text = "\t.globl f\nf: leaq nothing(%rip), %rax\n\tleaq eight+2(%rip), %rcx\n\taddq %rcx, %rax\n\tret\n"
    jit.add_object(cc(text, language="s"))
    f = jit.lookup("f")
    assert f.address < 1 << 31
    assert f.function("long(void)")() == 10
    jit.define("top", (1 << 64) - 1)  # one byte below 0, for 64-bit arithmetic
    jit.add_object(cc(text.replace("f", "g").replace("eight+2", "top"), language="s"))
    assert jit.lookup("g").function("long(void)")() == -1
    for far in (1 << 62, 1 << 63, (1 << 63) + 5, (1 << 64) - (1 << 33)):
        with uruk.LLJIT() as other:
            other.define("far", far)
            other.add_object(cc(text.replace("nothing", "far").replace("eight+2", "far"), language="s", name="far"))
            with pytest.raises(uruk.OutOfRange, match=r"far\.o:\(\.text\+0x") as caught:
                other.lookup("f")
            assert hex(far) in str(caught.value)
