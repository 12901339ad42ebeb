"""Ten thousand times load, throw, unload: memory, mappings and registrations stay flat."""

from __future__ import annotations

import gc

import uruk

from support.compiling import Compile, Footprint
from support.leaks import open_descriptors

SOURCE = """
    #include <cstdlib>
    static thread_local int mine = 1;
    static int zeros[2000];
    static void end() { zeros[0]++; }
    __attribute__((constructor)) static void begin() { atexit(end); zeros[1] = 1; }
    struct Oops { int code; };
    __attribute__((noinline)) static void fail(int code) { throw Oops{code}; }
    extern "C" int f(int code) {
        try { fail(code); } catch (const Oops &one) { return one.code + mine + zeros[1]; }
        return 0;
    }
"""


def test_ten_thousand_times(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_library("stdc++")
    data = cc.cpp(SOURCE, "-fPIC", "-O1").read_bytes()
    plugins = jit.create_dylib("plugins", [jit.main])

    def rounds(count: int) -> None:
        for number in range(count):
            code = jit.add_object(data, "plugin.o", dylib=plugins)
            assert jit.lookup("f", plugins).function("int(int)")(number) == number + 2
            released = code.remove()
            assert released.unwind_registrations == 1
            assert not released.deferred

    def held() -> tuple[int, ...]:
        session = jit.session
        return (
            sum(slab.used for slab in session.executor.memory.slabs), len(session.objects), len(session.trackers),
            len(session.pending), len(session.retired), len(session.storage_of), len(session.ids),
            len(plugins.roots), len(session.initializers.waiting),
        )  # fmt: skip

    rounds(500)
    gc.collect()
    before, things, descriptors = Footprint.now(), held(), open_descriptors()
    rounds(9500)
    gc.collect()
    after = Footprint.now()
    assert held() == things
    assert open_descriptors() <= descriptors
    assert after.mappings - before.mappings <= 20
    assert after.address_space - before.address_space <= 8 << 10
    assert after.resident - before.resident <= 8 << 10
