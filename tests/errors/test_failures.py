"""T21: a link that fails, at every stage: the error is uruk's, nothing is leaked, and the next good object links."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import uruk
from uruk.memory.inprocess import InProcessMapper
from uruk.platforms.linux.loader_here import unrecovered_bytes
from uruk.testing import FailingMapper, Verb

from support.compiling import Compile, Footprint

VERBS: tuple[Verb, ...] = ("reserve", "prepare", "initialize")
RICH = """
    #include <stdlib.h>
    extern int add(int, int);
    static __thread int mine = 3;
    int zeros[5000];
    int values[100] = {1};
    const char *words[] = {"a", "b"};
    static int chosen(void) { return 9; }
    static void *choose(void) { return chosen; }
    int indirect(void) __attribute__((ifunc("choose")));
    static int begun;
    __attribute__((constructor)) static void begin(void) { begun = 1; }
    int rich(void) { return indirect() + mine + begun + values[0] + zeros[7] + words[0][0] + abs(-1); }
"""
RICH_VALUE = 9 + 3 + 1 + 1 + 0 + 97 + 1
GOOD = "int good(void) { return 5; }"


def used(jit: uruk.LLJIT) -> int:
    return sum(slab.used for slab in jit.session.executor.memory.slabs)


def works(cc: Compile, jit: uruk.LLJIT, before: int) -> None:
    """The session holds what it held, and links the next object."""
    assert used(jit) == before
    code = jit.add_object(cc(GOOD))
    assert jit.lookup("good").function("int(void)")() == 5
    code.remove()
    assert used(jit) == before


def call_rich(jit: uruk.LLJIT) -> int:
    rich = jit.lookup("rich").function("int(void)")
    jit.initialize()
    return rich()


@pytest.mark.parametrize("verb", VERBS)
def test_every_failure_of_memory(cc: Compile, verb: Verb) -> None:
    mapper = FailingMapper(InProcessMapper())
    calls, failures = 0, 0
    storage = unrecovered_bytes()
    with uruk.LLJIT(mapper=mapper, auto_initialize=False) as jit:
        while True:
            calls += 1
            mapper.fail(verb, calls)
            code = jit.add_object(cc(RICH, "-fPIC"))
            done = mapper.failed
            try:
                value = call_rich(jit)
            except uruk.AllocationError:
                mapper.heal()
                failures += 1
                works(cc, jit, 0)
                assert call_rich(jit) == RICH_VALUE
                code.remove()
                assert used(jit) == 0
                if verb == "reserve":
                    break
                continue
            assert value == RICH_VALUE
            if mapper.failed == done:
                break
            failures += 1  # a failure that cost nothing: a smaller slab was had instead
            mapper.heal()
            code.remove()
    assert failures
    assert mapper.reserved == {}
    assert unrecovered_bytes() == storage


def test_a_reservation_that_fails_is_tried_smaller(cc: Compile) -> None:
    mapper = FailingMapper(InProcessMapper())
    mapper.fail("reserve", 1)
    with uruk.LLJIT(mapper=mapper) as jit:
        jit.add_object(cc(GOOD))
        assert jit.lookup("good").function("int(void)")() == 5
        assert jit.session.executor.memory.slabs[0].size < 1 << 30
    assert mapper.reserved == {}


def test_no_memory_at_all(cc: Compile) -> None:
    mapper = FailingMapper(InProcessMapper())
    with uruk.LLJIT(mapper=mapper) as jit:
        mapper.fail("reserve", times=0)
        jit.add_object(cc(GOOD))
        for _ in range(2):
            with pytest.raises(uruk.AllocationError):
                jit.lookup("good")
        mapper.heal()
        assert jit.lookup("good").function("int(void)")() == 5
    assert mapper.reserved == {}


def _undefined(cc: Compile) -> Path:
    return cc("extern int nobody(void); int bad(void) { return nobody(); }")


def _out_of_range(cc: Compile) -> Path:
    return cc('__asm__(".globl bad\\nbad: .long big\\n.globl big\\nbig = 0x123456789abc");')


def _thread_local(cc: Compile) -> Path:
    return cc("static __thread char big[100000]; char *bad(void) { return big; }", "-ftls-model=local-exec", "-fno-pie")


def _thread_local_of_nobody(cc: Compile) -> Path:
    return cc("extern __thread int nobody; int bad(void) { return nobody; }")


def _unsupported(cc: Compile) -> Path:
    return cc('__asm__(".globl bad\\nbad: .quad 0\\n.reloc bad, R_X86_64_RELATIVE64, abs");')


FAILING: list[tuple[Callable[[Compile], Path], type[uruk.UrukError]]] = [
    (_undefined, uruk.UndefinedSymbols),
    (_out_of_range, uruk.OutOfRange),
    (_thread_local, uruk.TLSError),
    (_thread_local_of_nobody, uruk.UndefinedSymbols),
    (_unsupported, uruk.UnsupportedRelocation),
]


def attempt(jit: uruk.LLJIT, path: Path) -> tuple[uruk.ResourceTracker | None, uruk.UrukError | None]:
    """Add an object and look `bad` up; what was added, and the error of either step."""
    code = None
    try:
        code = jit.add_object(path)
        jit.lookup("bad")
    except uruk.UrukError as error:
        return code, error
    return code, None


@pytest.mark.parametrize(("make", "error"), FAILING, ids=lambda value: getattr(value, "__name__", None))
def test_every_failure_of_linking(cc: Compile, make: Callable[[Compile], Path], error: type[uruk.UrukError]) -> None:
    with uruk.LLJIT() as jit:
        jit.add_object(cc("int here(void) { return 4; }"))
        assert jit.lookup("here").function("int(void)")() == 4
        before, storage = used(jit), unrecovered_bytes()
        for _ in range(3):
            code, caught = attempt(jit, make(cc))
            assert isinstance(caught, error)
            assert str(caught)
            works(cc, jit, before)
            with pytest.raises(uruk.UrukError):
                jit.lookup("bad")
            if code is not None:
                code.remove()
        assert jit.lookup("here").function("int(void)")() == 4
        assert unrecovered_bytes() == storage


def test_failures_leave_no_trace(cc: Compile, jit: uruk.LLJIT) -> None:
    data = [make(cc) for make, _ in FAILING]

    def rounds(count: int) -> None:
        for _ in range(count):
            for path in data:
                code, caught = attempt(jit, path)
                assert caught is not None
                if code is not None:
                    code.remove()

    rounds(5)
    before = Footprint.now()
    rounds(20)
    after = Footprint.now()
    assert after.mappings - before.mappings <= 2
    assert after.address_space - before.address_space <= 1 << 10


def test_a_failed_batch_links_once_its_need_is_met(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(_undefined(cc))
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("bad")
    jit.add_object(cc("int nobody(void) { return 12; }"))
    assert jit.lookup("bad").function("int(void)")() == 12


def test_a_broken_member_is_an_error_each_time(cc: Compile, jit: uruk.LLJIT, tmp_path: Path) -> None:
    broken = tmp_path / "broken.o"
    broken.write_bytes(cc("int broken(void) { return 1; }").read_bytes())
    archive = cc.archive("libhalf.a", broken, cc(GOOD))
    data = bytearray(archive.read_bytes())
    at = data.index(b"\x7fELF")
    data[at + 40 : at + 48] = b"\xff" * 8  # e_shoff
    path = tmp_path / "libhalf.a"
    path.write_bytes(data)
    jit.add_archive(path)
    for _ in range(2):
        with pytest.raises(uruk.ObjectFormatError, match=r"libhalf\.a\(broken\.o\)"):
            jit.lookup("broken")
        assert jit.lookup("good").function("int(void)")() == 5


def test_a_member_that_clashes_is_an_error_each_time(cc: Compile, jit: uruk.LLJIT) -> None:
    clash = cc("int taken(void) { return 1; } int wanted(void) { return 2; }", name="clash")
    jit.add_object(cc("int taken(void) { return 3; }", name="owner"))
    jit.add_archive(cc.archive("libclash.a", clash))
    for _ in range(2):
        with pytest.raises(uruk.DuplicateDefinition, match=r"owner\.o.*libclash\.a\(clash\.o\)"):
            jit.lookup("wanted")
        assert jit.lookup("taken").function("int(void)")() == 3


def test_duplicate_definitions_name_both_files(cc: Compile, jit: uruk.LLJIT) -> None:
    jit.add_object(cc("int same(void) { return 1; }", name="left"))
    with pytest.raises(uruk.DuplicateDefinition) as caught:
        jit.add_object(cc("int same(void) { return 2; } int other;", name="right"))
    assert Path(caught.value.first).name == "left.o"
    assert Path(caught.value.second).name == "right.o"
    assert caught.value.name == "same"
    assert jit.lookup("same").function("int(void)")() == 1
    with pytest.raises(uruk.UndefinedSymbols):
        jit.lookup("other")
    with pytest.raises(uruk.DuplicateDefinition, match=r"more duplicate"):
        jit.add_objects([cc("int p, q;", "-fno-common", name="one"), cc("int p = 1, q = 2;", name="two")])


def test_without_an_unwinder_nothing_is_linked(cc: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unwind data is registered where the dynamic loader does not know the slab."""
    with uruk.LLJIT(mapper=InProcessMapper()) as jit:
        jit.add_object(cc("__attribute__((constructor)) static void begin(void) {} int f(void) { return 1; }"))

        def refuse(address: int) -> None:
            raise uruk.LibraryError("libgcc_s.so.1", "cannot open")

        with monkeypatch.context() as patch:
            patch.setattr(jit.platform.process, "register_frames", refuse)
            with pytest.raises(uruk.LibraryError):
                jit.lookup("f")
        assert sum(slab.used for slab in jit.session.executor.memory.slabs) == 0
        assert jit.lookup("f").function("int(void)")() == 1
