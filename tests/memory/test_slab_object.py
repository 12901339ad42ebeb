"""What the dynamic loader knows of a slab: where it lies, which data there is, what becomes of it in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

import uruk
from uruk.errors import AllocationError
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.mapper import Mapper
from uruk.memory.slab_object import SlabFile, store
from uruk.platforms.linux.slabs_here import InProcessSlabs

from support.compiling import Compile, RunChild
from support.mapper_kinds import KNOWING_MAPPERS

LOOK = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <link.h>
    #include <string.h>
    struct found { unsigned long address, flags, start, size; char name[512]; };
    static int look(struct dl_phdr_info *info, size_t size, void *data) {
        struct found *found = data;
        for (int i = 0; i < info->dlpi_phnum; i++) {
            const ElfW(Phdr) *header = &info->dlpi_phdr[i];
            unsigned long start = info->dlpi_addr + header->p_vaddr;
            if (header->p_type == PT_LOAD && found->address - start < header->p_memsz) {
                found->start = start;
                found->size = header->p_memsz;
                found->flags = header->p_flags;
                strncpy(found->name, info->dlpi_name, sizeof found->name - 1);
                return 1;
            }
        }
        return 0;
    }
    int find(struct found *found) { return dl_iterate_phdr(look, found); }
    static struct found kept;
    int knows(unsigned long address) { kept.address = address; return find(&kept); }
    unsigned long size_of(unsigned long address) { return knows(address) ? kept.size : 0; }
    const char *name_of(unsigned long address) { return knows(address) ? kept.name : ""; }
"""


@pytest.mark.quick
@pytest.mark.parametrize("size", [4, 8, 24, 64, 72])
@pytest.mark.parametrize("start", [0, 4, 8, 40])
def test_what_is_stored_as_numbers_is_what_arrays_store(size: int, start: int) -> None:
    data, base = bytes(range(1, size + 1)), 0x1000
    for with_units in (False, True):
        view = np.full(128, 0xEE, np.uint8)
        store(view, base, [(base + start, data)], memoryview(view).cast("Q") if with_units else None)
        assert view.tobytes() == b"\xee" * start + data + b"\xee" * (128 - start - size)


@pytest.mark.parametrize("make", KNOWING_MAPPERS.values(), ids=KNOWING_MAPPERS)
def test_the_loader_knows_code_and_data_until_the_session_ends(make: Callable[[], Mapper], cc: Compile) -> None:
    with uruk.LLJIT() as other:
        other.add_object(cc(LOOK))
        knows = other.lookup("knows").function("int(size_t)")
        name_of = other.lookup("name_of").function("char *(size_t)")
        with uruk.LLJIT(mapper=make()) as jit:
            jit.add_object(cc("int value = 3; int get(void) { return value; }", "-fPIC"))
            found = jit.lookup_all(["get", "value"])
            assert found["get"].function("int(void)")() == 3
            code, data = found["get"].address, found["value"].address
            assert (knows(code), knows(data)) == (1, 1)
            assert name_of is not None
        assert (knows(code), knows(data)) == (0, 0)


@pytest.mark.parametrize("make", KNOWING_MAPPERS.values(), ids=KNOWING_MAPPERS)
def test_the_data_segment_grows_to_what_is_used(make: Callable[[], Mapper], cc: Compile) -> None:
    """Everything below its end is readable: a collector reads all of it."""
    with uruk.LLJIT() as other, uruk.LLJIT(mapper=make()) as jit:
        other.add_object(cc(LOOK))
        size_of = other.lookup("size_of").function("size_t(size_t)")
        last = 0
        for number, size in enumerate((10, 5000, 200_000)):
            name = f"room{number}"
            jit.add_object(cc(f"_Alignas(16384) char {name}[{size}] = {{1}};", "-fPIC"))
            address = jit.lookup(name).address
            end = size_of(address)
            assert last < end < last + size + 4 * 16384, (last, end)
            last = end
        slab = jit.executor.memory.slabs[0]
        assert slab.known is not None
        assert slab.known.data_end == slab.data + last
        jit.add_object(cc("long sum(const char *at, long n) { long s = 0; while (n--) s += *at++; return s; }", "-O2"))
        assert jit.lookup("sum").function("long(size_t, long)")(slab.data, last) >= 3


class _NoLoader(InProcessSlabs):
    """Refuses every object, as a loader of another C library would."""

    def open(self, file: SlabFile, path: bytes | None) -> tuple[int, int, bool]:
        raise AllocationError("refused")


class _Elsewhere(InProcessSlabs):
    """Never gives the place that is asked for, as glibc before 2.36 under a position-independent program."""

    def open(self, file: SlabFile, path: bytes | None) -> tuple[int, int, bool]:
        if file.address:
            raise AllocationError("refused")
        return super().open(file, path)


@pytest.mark.parametrize("loader", [_NoLoader(), _Elsewhere()], ids=["none", "elsewhere"])
@pytest.mark.parametrize("flags", [("-fPIC",), ("-fno-pie",)])
def test_code_runs_in_a_slab_that_the_loader_does_not_know(
    loader: InProcessSlabs, flags: Sequence[str], cc: Compile
) -> None:
    source = """
        static int value = 3;
        extern "C" int get(int n) { try { if (n) throw n; } catch (int m) { return m + value; } return value; }
    """
    with uruk.LLJIT(mapper=InProcessMapper(loader)) as jit:
        jit.add_library("stdc++")
        code = jit.add_object(cc.cpp(source, *flags))
        get = jit.lookup("get")
        assert [get.function("int(int)")(n) for n in (0, 4)] == [3, 7]
        low = "-fno-pie" in flags
        assert (get.address < 1 << 32) == low
        code.remove()


@pytest.mark.quick
def test_a_program_has_no_header_where_the_loader_knows_none(cc: Compile) -> None:
    """A weak reference is null then, another one an error that leaves nothing behind."""
    source = 'extern const char __ehdr_start[] __attribute__((visibility("hidden"))); {}'
    with uruk.LLJIT(mapper=InProcessMapper(_NoLoader())) as jit:
        jit.add_object(cc(source.format("const char *strong(void) { return __ehdr_start; }")))
        with pytest.raises(uruk.UndefinedSymbols, match="ask dl_iterate_phdr"):
            jit.lookup("strong")
        assert sum(slab.used for slab in jit.executor.memory.slabs) == 0
        weak = "extern const char __ehdr_start[] __attribute__((weak)); int is_null(void) { return !__ehdr_start; }"
        places = "extern char end[]; int empty[9]; int has_end(void) { return end >= (char *)(empty + 9); }"
        jit.add_object(cc(source.format(weak + places)))
        assert jit.lookup("is_null").function("int()")() == 1
        assert jit.lookup("has_end").function("int()")() == 1


def test_code_in_the_low_range_is_known_where_the_loader_can(cc: Compile, child: RunChild) -> None:
    """Its slab is one of its own; both sessions' slabs go in the end."""
    text = """
        import sys, uruk
        with uruk.LLJIT() as jit:
            jit.add_object(sys.argv[1])
            jit.add_object(sys.argv[2])
            address = jit.lookup("get").address
            assert address < 1 << 31, hex(address)
            known = [slab.known is not None for slab in jit.executor.memory.slabs]
            assert jit.lookup("knows").function("int(size_t)")(address) == known[-1], known
    """
    child.ok(text, cc(LOOK, "-fPIC"), cc("static int v[4] = {1}; int get(int i) { return v[i]; }", "-fno-pie"))


def test_libraries_lie_outside_of_what_the_loader_takes_for_the_slab(cc: Compile, child: RunChild) -> None:
    text = """
        import ctypes, sys, uruk
        with uruk.LLJIT() as jit:
            jit.add_object(sys.argv[1])
            name_of = jit.lookup("name_of").function("char *(size_t)")
            jit.add_library(sys.argv[2])
            jit.add_object(sys.argv[3])
            late, mine = jit.lookup("late").address, jit.lookup("mine").address
            text = lambda address: ctypes.string_at(name_of(address))
            assert text(late).endswith(b"liblate.so"), text(late)
            assert text(mine) == b"uruk-slab", text(mine)
            assert abs(late - mine) < 1 << 31
    """
    library = cc.shared("liblate.so", "int late(void) { return 4; }")
    child.ok(text, cc(LOOK), library, cc("extern int late(void); int mine(void) { return late(); }"))


def test_a_debugger_has_no_descriptor_of_the_number_in_the_path(cc: Compile, child: RunChild) -> None:
    """gdb opens the paths of loaded objects in its own /proc/self, and waits for ever where it finds a pipe there."""
    text = """
        import os, sys, uruk
        with uruk.LLJIT() as jit:
            jit.add_object(sys.argv[1])
            assert jit.lookup("get").function("int(void)")() == 3
            assert jit.executor.memory.slabs[0].known is not None
            numbers = [int(name) for name in os.listdir("/proc/self/fd")]
            paths = [(number, f"/proc/self/fd/{number}") for number in numbers]
            targets = {number: os.readlink(path) for number, path in paths if os.path.islink(path)}
            windows = [number for number, target in targets.items() if "uruk-tls-window" in target]
            assert windows and min(windows) >= 200, targets
    """
    child.ok(text, cc("int value = 3; int get(void) { return value; }", "-fPIC"))


def test_a_small_address_space_still_links(cc: Compile, child: RunChild) -> None:
    text = """
        import resource, sys, uruk
        size = int(open("/proc/self/statm").read().split()[0]) * 4096
        resource.setrlimit(resource.RLIMIT_AS, (size + (400 << 20),) * 2)
        with uruk.LLJIT() as jit:
            jit.add_object(sys.argv[1])
            assert jit.lookup("get").function("int(void)")() == 3
            assert jit.executor.memory.slabs[0].size < 1 << 29
    """
    child.ok(text, cc("int value = 3; int get(void) { return value; }", "-fPIC"))


def test_a_fork_has_the_slab_as_well(cc: Compile, child: RunChild) -> None:
    text = """
        import os, sys, uruk
        jit = uruk.LLJIT()
        jit.add_object(sys.argv[1])
        jit.add_object(sys.argv[2])
        knows, get = (jit.lookup(name) for name in ("knows", "get"))
        pid = os.fork()
        assert knows.function("int(size_t)")(get.address) == 1
        if pid == 0:
            jit.add_object(sys.argv[3])
            more = jit.lookup("more")
            ok = knows.function("int(size_t)")(more.address) == 1 and more.function("int(void)")() == 8
            jit.close()
            os._exit(0 if ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert get.function("int(void)")() == 3
        jit.close()
    """
    paths = cc(LOOK), cc("int value = 3; int get(void) { return value; }", "-fPIC")
    child.ok(text, *paths, cc("extern int get(void); int more(void) { return get() + 5; }", "-fPIC"))


def test_hundreds_of_slabs_leave_nothing(cc: Compile) -> None:
    def mappings() -> int:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            return len(maps.readlines())

    path = cc("int value = 3; int get(void) { return value; }", "-fPIC")
    counts: list[int] = []
    for _ in range(200):
        with uruk.LLJIT() as jit:
            jit.add_object(path)
            assert jit.lookup("get").function("int(void)")() == 3
        counts.append(mappings())
    assert counts[-1] <= counts[20] + 2, counts
