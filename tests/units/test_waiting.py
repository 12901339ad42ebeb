"""Timeouts, hanging units and generators, dispatchers, and threads that work at the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

import uruk
from uruk import FunctionUnit, MaterializationResponsibility
from uruk.orc.dispatch import Task

from support.compiling import Compile, RunChild
from support.small import FUNCTION, PATIENCE, Counted, adds_one, call, in_threads, returns


@pytest.fixture(params=[0, 1, 4], ids=["inline", "one thread", "four threads"])
def jit(request: pytest.FixtureRequest) -> Iterator[uruk.LLJIT]:
    dispatcher = uruk.ThreadPoolDispatcher(request.param) if request.param else uruk.InlineDispatcher()
    with uruk.LLJIT(dispatcher=dispatcher) as one:
        yield one


class Hanging:
    """A unit that waits until it is let go."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.inside, self.go = threading.Event(), threading.Event()
        self.made = 0

    def __call__(self, responsibility: MaterializationResponsibility) -> Path:
        self.made += 1
        self.inside.set()
        assert self.go.wait(PATIENCE)
        return self.path


COLLECTIONS = """
import gc, threading
from uruk.orc.dispatch import Task

class Ring:
    pass

for more in range(1, 40):
    inside, end = threading.Semaphore(0), threading.Event()
    def work():
        inside.release()
        end.wait()
    tasks = [Task("one", work) for _ in range(8)]
    threads = [threading.Thread(target=task.run) for task in tasks]
    for thread in threads:
        thread.start()
    for _ in threads:
        inside.acquire()
    gc.set_threshold(100_000)
    for _ in range(50):
        ring = Ring()
        ring.itself, ring.local = ring, threading.local()
        ring.local.value = 1
    gc.set_threshold(gc.get_count()[0] + more)
    assert "now at" in tasks[0].where()
    gc.set_threshold(700)
    assert gc.isenabled()
    end.set()
    for thread in threads:
        thread.join()
print("ended")
"""


def test_garbage_may_be_collected_when_a_thread_is_looked_at(child: RunChild) -> None:
    """At each object that this makes: thread-locals in the garbage were a deadlock of Python's own."""
    assert child.ok(COLLECTIONS, timeout=30) == "ended\n"


def test_a_unit_that_hangs(cc: Compile, jit: uruk.LLJIT) -> None:
    """Reported with what it is at, and where; when it ends after all, its object serves the next lookup."""
    hanging = Hanging(cc(returns("f", 4)))
    jit.add_unit(FunctionUnit({"f": FUNCTION}, hanging, "sleeper"))
    jit.add_object(cc(adds_one("g", "f")))
    begin = time.monotonic()
    with pytest.raises(uruk.LookupTimeout) as caught:
        jit.lookup("g", timeout=0.2)
    assert 0.15 < time.monotonic() - begin < 5
    text = str(caught.value)
    assert "lookup of g in main" in text
    assert "unit sleeper, asked for f: for 0." in text
    assert "threading.py" in text or "test_waiting.py" in text
    assert "sleeper" in jit.session.dump()
    hanging.go.set()
    assert call(jit, "g") == 5
    assert hanging.made == 1


def test_a_generator_that_hangs(cc: Compile, jit: uruk.LLJIT) -> None:
    go = threading.Event()

    def make(dylib: uruk.JITDylib, names: Sequence[str]) -> dict[str, int]:
        assert go.wait(PATIENCE)
        return {"f": 4096}

    jit.add_generator(uruk.FunctionGenerator(make, "sleeper"))
    with pytest.raises(uruk.LookupTimeout, match=r"generator sleeper, asked for f: for 0\."):
        jit.lookup("f", timeout=0.2)
    go.set()
    assert jit.lookup("f").address == 4096


def test_a_future_that_never_comes(cc: Compile, jit: uruk.LLJIT) -> None:
    future: Future[bytes] = Future()
    jit.add_unit(FunctionUnit({"f": FUNCTION}, lambda _: future, "promised"))
    with pytest.raises(uruk.LookupTimeout, match="unit promised"):
        jit.lookup("f", timeout=0.2)
    future.set_result(cc(returns("f", 3)).read_bytes())
    assert call(jit, "f") == 3


def test_others_go_on_while_a_unit_hangs(cc: Compile, jit: uruk.LLJIT) -> None:
    hanging = Hanging(cc(returns("f", 4)))
    jit.add_unit(FunctionUnit({"f": FUNCTION}, hanging))
    future = jit.lookup_future(["f"])
    assert hanging.inside.wait(PATIENCE)
    for number in range(5):
        jit.add_unit(Counted(cc(returns(f"g{number}", number)), f"g{number}"))
        assert call(jit, f"g{number}") == number
    code = jit.add_object(cc(returns("extra", 1)))
    code.remove()
    hanging.go.set()
    assert future.result(PATIENCE)["f"].function("int(void)")() == 4


def test_removal_of_what_is_being_made(cc: Compile, jit: uruk.LLJIT) -> None:
    hanging = Hanging(cc(returns("f", 4)))
    code = jit.add_unit(FunctionUnit({"f": FUNCTION}, hanging))
    future = jit.lookup_future(["f"])
    assert hanging.inside.wait(PATIENCE)
    code.remove()
    jit.add_object(cc(returns("f", 9)))
    hanging.go.set()
    assert future.result(PATIENCE)["f"].function("int(void)")() == 9


def test_close_while_a_unit_is_being_made(cc: Compile, jit: uruk.LLJIT) -> None:
    hanging = Hanging(cc(returns("f", 4)))
    jit.add_unit(FunctionUnit({"f": FUNCTION}, hanging))
    future = jit.lookup_future(["f"])
    assert hanging.inside.wait(PATIENCE)
    jit.close()
    hanging.go.set()
    assert isinstance(future.exception(PATIENCE), uruk.SessionClosed)


def test_a_dylib_removed_while_a_lookup_in_it_waits(cc: Compile, jit: uruk.LLJIT) -> None:
    home = jit.create_dylib("home")
    hanging = Hanging(cc(returns("f", 4)))
    jit.add_unit(FunctionUnit({"f": FUNCTION}, hanging), dylib=home)
    future = jit.lookup_future(["f"], home)
    assert hanging.inside.wait(PATIENCE)
    home.remove()
    newcomer = jit.create_dylib("home")  # may get the old one's names
    jit.add_object(cc(returns("f", 1)), dylib=newcomer)
    hanging.go.set()
    assert "dylib home was removed" in str(future.exception(PATIENCE))
    assert call(jit, "f", newcomer) == 1


def test_units_are_made_at_the_same_time(cc: Compile) -> None:
    """Two compilations of one lookup must overlap in a pool: each waits for the other to have begun."""
    barrier = threading.Barrier(2)

    def maker(path: Path) -> Callable[[MaterializationResponsibility], Path]:
        def make(responsibility: MaterializationResponsibility) -> Path:
            barrier.wait(PATIENCE)
            return path

        return make

    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(2)) as jit:
        jit.add_unit(FunctionUnit({"f": FUNCTION}, maker(cc(adds_one("f", "g")))))
        jit.add_unit(FunctionUnit({"g": FUNCTION}, maker(cc(returns("g", 1)))))
        assert jit.lookup_all(["f", "g"])["f"].function("int(void)")() == 2


def test_units_that_wait_for_lookups_in_a_small_pool(cc: Compile) -> None:
    """More waiting units than threads: whoever waits does the work itself."""
    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(2)) as jit:
        for number in range(12):

            def make(responsibility: MaterializationResponsibility, number: int = number) -> Path:
                if number:
                    assert call(jit, f"f{number - 1}") == number - 1
                return cc(returns(f"f{number}", number))

            jit.add_unit(FunctionUnit({f"f{number}": FUNCTION}, make))
        found = jit.lookup_all([f"f{number}" for number in reversed(range(12))])
        assert found["f11"].function("int(void)")() == 11


class Strange:
    """A user's dispatcher: runs tasks late, twice, in odd threads, or not at all."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def dispatch(self, task: Task) -> None:
        if self.kind == "at once":
            task.run()
        elif self.kind == "twice":
            for _ in range(2):
                threading.Thread(target=task.run).start()
        elif self.kind == "late":
            threading.Timer(0.1, task.run).start()

    def close(self) -> None:
        pass


@pytest.mark.parametrize("kind", ["at once", "twice", "late", "never"])
def test_a_dispatcher_of_the_users(cc: Compile, kind: str) -> None:
    with uruk.LLJIT(dispatcher=Strange(kind)) as jit:
        units = [Counted(cc(returns(name, 1)), name) for name in ("f", "g", "h")]
        for unit in units:
            jit.add_unit(unit)
        assert len(jit.lookup_all(["f", "g", "h"])) == 3
        assert [unit.made for unit in units] == [1, 1, 1]
        assert jit.lookup_all(["f"], timeout=5)["f"].address


def test_idle_threads_end(cc: Compile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uruk.ThreadPoolDispatcher, "IDLE", 0.1)
    before = threading.active_count()
    with uruk.LLJIT(dispatcher=uruk.ThreadPoolDispatcher(4)) as jit:
        for number in range(20):
            jit.add_unit(Counted(cc(returns(f"f{number}", 1)), f"f{number}"))
        futures = [jit.lookup_future([f"f{number}"]) for number in range(20)]
        assert all(future.result(PATIENCE) for future in futures)
        end = time.monotonic() + 5
        while threading.active_count() > before and time.monotonic() < end:
            time.sleep(0.02)
        assert threading.active_count() <= before
        jit.add_unit(Counted(cc(returns("again", 1)), "again"))
        assert jit.lookup_future(["again"]).result(PATIENCE)


def test_threads_that_add_look_up_and_remove(cc: Compile, jit: uruk.LLJIT) -> None:
    """Each thread on names of its own, over code that all share, in dylibs that all see."""
    shared = jit.create_dylib("shared")
    jit.add_object(cc(returns("base", 100)), dylib=shared)
    jit.main.set_link_order([shared])
    paths = [cc(f"extern int base(void); int f{n}(void) {{ return base() + {n}; }}") for n in range(6)]

    def work(number: int) -> int:
        for _ in range(25):
            code = jit.add_unit(Counted(paths[number], f"f{number}"))
            assert call(jit, f"f{number}") == 100 + number
            code.remove()
        return number

    assert in_threads([lambda number=number: work(number) for number in range(6)]) == list(range(6))
