"""Sessions: closing, use after that, the end of the process, fork, several at once, threads, and thousands of them."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable

import pytest

import uruk

from support.compiling import Compile, Footprint, RunChild
from support.leaks import open_descriptors

GOOD = "int good(void) { return 5; }"


def test_closing_twice(cc: Compile) -> None:
    jit = uruk.LLJIT()
    jit.add_object(cc(GOOD))
    jit.lookup("good")
    jit.close()
    jit.close()


def test_a_context_closes_after_an_error(cc: Compile) -> None:
    with pytest.raises(uruk.UndefinedSymbols), uruk.LLJIT() as jit:
        jit.lookup("nobody")
    with pytest.raises(uruk.SessionClosed):
        jit.lookup("abs")


def test_use_after_close(cc: Compile) -> None:
    jit = uruk.LLJIT()
    jit.close()
    path = cc(GOOD)
    archive = cc.archive("libgood.a", path)
    uses: list[Callable[[], object]] = [
        lambda: jit.add_object(path),
        lambda: jit.add_objects([]),
        lambda: jit.add_archive(archive),
        lambda: jit.add_library("m"),
        lambda: jit.add_library(str(archive)),
        lambda: jit.define("x", 1),
        lambda: jit.lookup("abs"),
        lambda: jit.lookup_all([]),
        lambda: jit.initialize(),
        lambda: jit.lookup_program("main"),
        lambda: jit.session.create_dylib("other"),
    ]
    for use in uses:
        with pytest.raises(uruk.SessionClosed):
            use()


def test_two_at_once_with_the_same_names(cc: Compile) -> None:
    with uruk.LLJIT() as one, uruk.LLJIT() as two:
        one.add_object(cc("int value = 1; int get(void) { return value; }"))
        two.add_object(cc("int value = 2; int get(void) { return value; }"))
        functions = [jit.lookup("get").function("int(void)") for jit in (one, two)]
        assert [function() for function in functions] == [1, 2]
        one.close()
        assert functions[1]() == 2


EXIT = """
    #include <stdio.h>
    #include <stdlib.h>
    static void last(void) { puts("atexit"); }
    __attribute__((constructor)) static void begin(void) { atexit(last); puts("constructor"); }
    __attribute__((destructor)) static void end(void) { puts("destructor"); }
    int work(void) { puts("work"); return 0; }
    extern int on_exit(void (*)(int, void *), void *);
    static void very_last(int status, void *text) { puts(text); }
    int pin(void) { return on_exit(very_last, "on_exit"); }
"""


@pytest.mark.parametrize("held", ["jit", "function only"])
def test_the_end_of_the_process_closes_what_is_open(cc: Compile, child: RunChild, held: str) -> None:
    """T18: what the C library calls while the process exits is still there; the status is 0."""
    text = """
        import atexit, sys, uruk
        def run():
            jit = uruk.LLJIT()
            jit.add_object(sys.argv[1])
            for name in ("work", "pin"):
                function = jit.lookup(name).function("int(void)")
                function()
            return jit if sys.argv[2] == "jit" else function
        atexit.register(lambda: print("python", flush=True))
        kept = run()
    """
    out = child.ok(text, cc(EXIT), held).split()
    assert sorted(out) == ["atexit", "constructor", "destructor", "on_exit", "python", "work"]
    lines = [line for line in out if line != "python"]
    # A session ends when the C library comes to it: newest entry first, as natively.
    assert lines == ["constructor", "work", "on_exit", "atexit", "destructor"]


@pytest.mark.parametrize("flags", [("-fPIC",), ("-fPIC", "-mtls-dialect=gnu2")])
def test_finalisers_of_a_session_that_nobody_refers_to(cc: Compile, child: RunChild, flags: tuple[str, ...]) -> None:
    """They run in the C library's exit, when the interpreter and all that it held are gone."""
    source = """
        #include <stdio.h>
        __thread int large[50000] = {41};
        #define END(n) __attribute__((destructor)) static void end##n(void) { printf("%d\\n", large[0] + n); }
        END(1) END(2) END(3) END(4) END(5) END(6) END(7)
        int work(void) { return large[0]; }
    """
    text = """
        import gc, sys, uruk
        def run():
            jit = uruk.LLJIT()
            jit.add_object(sys.argv[1])
            return jit.lookup("work").function("int(void)")
        work = run()
        gc.collect()
        kept = [bytearray(b"A" * size) for size in range(8, 200, 8) for _ in range(500)]
        print(work(), flush=True)
    """
    lines = child.ok(text, cc(source, *flags)).split()
    assert lines == ["41", *(str(number) for number in range(48, 41, -1))]


def test_a_daemon_thread_in_linked_code_at_the_end(cc: Compile, child: RunChild) -> None:
    text = """
        import sys, threading, time, uruk
        jit = uruk.LLJIT()
        jit.add_object(sys.argv[1])
        spin = jit.lookup("spin").function("void(void)")
        for _ in range(3):
            threading.Thread(target=spin, daemon=True).start()
        time.sleep(0.1)
    """
    source = "volatile long counter; void spin(void) { for (;;) counter++; }"
    for _ in range(3):
        assert child.ok(text, cc(source)) == ""


def test_open_sessions_end_newest_first(cc: Compile, child: RunChild) -> None:
    text = """
        import sys, uruk
        jits = [uruk.LLJIT() for _ in range(5)]
        for number, jit in enumerate(jits):
            jit.define("number", number + 1)
            jit.add_object(sys.argv[1])
            jit.initialize()
    """
    source = """
        #include <stdio.h>
        extern char number[];
        __attribute__((destructor)) static void end(void) { printf("%d\\n", (int)(long)number); }
        int f(void) { return 0; }
    """
    assert child.ok(text, cc(source, "-fPIC")).split() == ["5", "4", "3", "2", "1"]


@pytest.mark.parametrize("how", ["os._exit(0)", "sys.exit(0)"])
def test_fork(cc: Compile, child: RunChild, how: str) -> None:
    text = """
        import os, sys, uruk
        jit = uruk.LLJIT()
        jit.add_object(sys.argv[1])
        work = jit.lookup("work").function("int(void)")
        work()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            work()
            jit.add_object(sys.argv[2])
            assert jit.lookup("good").function("int(void)")() == 5
            HOW
        assert os.waitpid(child, 0)[1] == 0
        jit.add_object(sys.argv[2])
        assert jit.lookup("good").function("int(void)")() == 5
        work()
    """.replace("HOW", how)
    source = """
        #include <unistd.h>
        __attribute__((destructor)) static void end(void) { write(1, "end\\n", 4); }
        int work(void) { return write(1, "work\\n", 5); }
    """
    out = child.ok(text, cc(source), cc(GOOD)).split()
    # A forked process that exits runs what its parent had registered, as natively; one that _exits does not.
    assert out == ["work", "work", *(["end"] if "sys" in how else []), "work", "end"]


def test_threads_that_link_at_the_same_time(cc: Compile, jit: uruk.LLJIT) -> None:
    """T22: no module is lost."""
    template = cc("int placeholder_0000(void) { return 123456; }", "-O1").read_bytes()
    workers, objects = 8, 30
    problems: list[str] = []

    def work(worker: int) -> None:
        try:
            for number in range(objects):
                name = f"placeholder_{worker:02}{number:02}"
                value = 100000 + 100 * worker + number
                data = template.replace(b"placeholder_0000", name.encode())
                data = data.replace((123456).to_bytes(4, "little"), value.to_bytes(4, "little"))
                code = jit.add_object(data)
                got = jit.lookup(name).function("int(void)")()
                if got != value:
                    problems.append(f"{name}: {got}")
                if number % 3 == 0:
                    code.remove()
        except BaseException as error:
            problems.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    names = [f"placeholder_{w:02}{n:02}" for w in range(workers) for n in range(objects) if n % 3]
    assert len(jit.lookup_all(names)) == len(names)


def test_a_thousand_short_sessions(cc: Compile) -> None:
    """T19: address space and mappings stay flat."""
    data = cc("static __thread int mine = 4; int zeros[3000]; int good(void) { return mine + zeros[5]; }").read_bytes()

    def rounds(count: int) -> None:
        for _ in range(count):
            with uruk.LLJIT() as jit:
                jit.add_object(data)
                assert jit.lookup("good").function("int(void)")() == 4

    rounds(50)
    gc.collect()
    before = Footprint.now()
    descriptors = open_descriptors()
    rounds(1000)
    gc.collect()
    after = Footprint.now()
    assert after.mappings - before.mappings <= 20
    assert after.address_space - before.address_space <= 8 << 10
    assert after.resident - before.resident <= 8 << 10
    assert open_descriptors() <= descriptors


def test_two_thousand_tiny_objects(cc: Compile, jit: uruk.LLJIT) -> None:
    """T20: mappings do not grow with objects, nor with holes between them."""
    template = cc("int data_0000[8] = {1}; const int *tiny_0000(void) { return data_0000; }").read_bytes()
    before = Footprint.now().mappings
    codes: list[uruk.ResourceTracker] = []
    for number in range(2000):
        text = f"_{number:04}".encode()
        codes.append(jit.add_object(template.replace(b"_0000", text)))
        assert jit.read(jit.lookup(f"tiny_{number:04}").function("const int *(void)")(), 4) == b"\1\0\0\0"
    assert Footprint.now().mappings - before < 20
    for code in codes[::2]:
        code.remove()
    assert Footprint.now().mappings - before < 20
    for number in range(1, 2000, 2):
        assert jit.read(jit.lookup(f"tiny_{number:04}").function("const int *(void)")(), 4) == b"\1\0\0\0"
    slabs = jit.session.executor.memory.slabs
    held = sum(slab.used for slab in slabs)
    for number in range(0, 2000, 2):
        jit.add_object(template.replace(b"_0000", f"_{number:04}".encode()))
        jit.lookup(f"tiny_{number:04}")
    assert Footprint.now().mappings - before < 20
    assert sum(slab.used for slab in slabs) <= 2.1 * held
    assert len(slabs) == 1


def test_an_initialiser_that_does_not_end_does_not_keep_the_process(cc: Compile, child: RunChild) -> None:
    text = """
        import sys, threading, time, uruk
        jit = uruk.LLJIT()
        jit.add_object(sys.argv[1])
        threading.Thread(target=jit.initialize, daemon=True).start()
        time.sleep(0.5)
    """
    source = """
        #include <unistd.h>
        __attribute__((constructor)) static void begin(void) { for (;;) pause(); }
        __attribute__((destructor)) static void end(void) { write(1, "end\\n", 4); }
    """
    assert child.ok(text, cc(source)) == "end\n"
