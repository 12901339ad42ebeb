"""Calls that Ctrl-C ends anywhere: what they add is there whole, its tracker in the caller's hands, or not at all."""

from __future__ import annotations

import contextlib
import gc
import linecache
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import uruk
from uruk.orc.registry.symbols import SymbolTable
from uruk.orc.registry.tracker import ResourceTracker
from uruk.orc.session import Session

from support.compiling import Compile, RunChild
from support.leaks import open_descriptors
from support.loader_names import names_in_table
from support.small import Counted, call, returns

TraceFunction = Callable[[FrameType, str, Any], Any]
MODULES = (
    "orc.registry.adding",
    "orc.registry.ownership",
    "orc.registry.defining",
    "orc.lookup.linking",
    "orc.lookup.request",
    "orc.lookup.row_linking",
    "link",
    "row_link",
    "platforms.linux.platform",
    "platforms.linux.rows",
)
"""Where a call is interrupted at each line; not in what takes back, which a second Ctrl-C may spoil."""
UNDOES = ("_take_back", "take_back", "give_back", "_drop", "withdraw", "new", "leave", "forget", "restore")


class Interrupter:
    """Sends this thread SIGINT at the `at`-th line of some of uruk's modules that runs; `done` says whether it did."""

    def __init__(self, at: int, modules: Sequence[str] = MODULES) -> None:
        self.left, self.done, self.modules = at, False, modules

    def _trace(self, frame: FrameType, event: str, _: Any) -> TraceFunction | None:
        module = frame.f_globals.get("__name__", "")
        if self.done or not module.startswith("uruk.") or frame.f_code.co_name in UNDOES:
            return None
        if event == "line" and module.removeprefix("uruk.") in self.modules and not self._is_exit(frame):
            self.left -= 1
            if self.left < 0:
                self.done = True
                signal.raise_signal(signal.SIGINT)
        return self._trace

    def _is_exit(self, frame: FrameType) -> bool:
        """The way out of a `with`, where Python leaves it without its end, and into a `try`; a signal does not come
        there."""
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        return line.lstrip().startswith(("with ", "try:", "except", "raise"))

    def __enter__(self) -> Interrupter:
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)


def facts(session: Session) -> dict[str, Any]:
    """What a call that added nothing leaves as it was."""
    table = session.table
    owned = table.owner >= 0
    return {
        "entries": sorted(session.objects),
        "pending": sorted(session.pending),
        "owners": sorted(zip(table.owner[owned].tolist(), table.rank[owned].tolist(), strict=True)),
        "groups": sorted(table.group[table.group >= 0].tolist()),
        "trackers": sorted(one.number for one in session.trackers.values() if session.entries_of(one)),
        "archives": [len(dylib.search.archives) for dylib in session.dylibs.values()],
        "memory": sum(slab.used for slab in session.executor.memory.slabs),
        "undo": table.undo,
    }  # fmt: skip


def at_every_line(
    work: Callable[[], object],
    check: Callable[[object], None],
    step: int = 1,
    most: int = 3000,
    modules: Sequence[str] = MODULES,
) -> int:
    """Interrupt `work` at each of its lines in turn, until it ends before; `check` gets what it returned, or None.

    `step`: how many lines on each time, where they are many and slow.
    """
    for number in range(0, most, step):
        result = None
        try:
            with Interrupter(number, modules) as interrupter:
                result = work()
        except KeyboardInterrupt:
            pass
        check(result)
        if not interrupter.done:
            return number
    raise AssertionError(f"more than {most} lines")


WEAK = "__attribute__((weak)) int shared(void) {{ return {0}; }} int use_{0}(void) {{ return shared(); }}"
CPP = """
inline int counted(int x) {{ static int calls; return calls += x; }}
extern "C" int value_{0}(void) {{ try {{ throw {0}; }} catch (int code) {{ return code + counted(0); }} }}
"""


@pytest.mark.parametrize("lazy", [False, True])
def test_add_object_at_every_line(jit: uruk.LLJIT, cc: Compile, lazy: bool) -> None:
    jit.add_object(cc(WEAK.format(1)))
    jit.main.lazy_part()
    strong = cc(f"{returns('shared', 2)} {returns('more', 5)} int data = 4; int common[4];", "-fcommon")
    before = facts(jit.session)

    def check(result: object) -> None:
        if result is not None:
            assert isinstance(result, ResourceTracker)
            result.remove()
            before["owners"] = facts(jit.session)["owners"]
        now = facts(jit.session)
        assert {**now, "owners": 0} == {**before, "owners": 0}
        assert now["owners"] == before["owners"]

    assert at_every_line(lambda: jit.add_object(strong, lazy=lazy), check, step=11 if lazy else 1) > 40
    jit.add_object(strong, lazy=lazy)
    assert call(jit, "use_1") == 2
    assert call(jit, "more") == 5


def test_a_weak_definition_has_its_name_again(jit: uruk.LLJIT, cc: Compile) -> None:
    jit.add_object(cc(WEAK.format(1)))
    strong = cc(returns("shared", 2))

    def check(result: object) -> None:
        if result is None:
            number = jit.main.names[b"shared"]
            owner = int(jit.session.table.owner[number])
            assert jit.session.objects[owner].tracker is not None
        else:
            assert isinstance(result, ResourceTracker)

    at_every_line(lambda: jit.add_object(strong), check)
    assert call(jit, "use_1") == 2


@pytest.mark.parametrize("what", ["unit", "archive", "define", "alias"])
def test_other_definitions_at_every_line(jit: uruk.LLJIT, cc: Compile, what: str, tmp_path: Path) -> None:
    path = cc(returns("made", 7))
    subprocess.run(["ar", "rcs", "lib.a", str(path)], cwd=tmp_path, check=True)
    jit.add_object(cc(returns("old", 3)))
    _ = jit.main.tracker, jit.main.lazy_part()
    before = facts(jit.session)
    works: dict[str, Callable[[], object]] = {
        "unit": lambda: jit.add_unit(Counted(path, "made")),
        "archive": lambda: jit.add_archive(tmp_path / "lib.a"),
        "define": lambda: jit.define("made", 0x1000),
        "alias": lambda: jit.alias({"made": "old"}),
    }

    def check(result: object) -> None:
        if interrupted := result is None and facts(jit.session) != before:
            jit.main.tracker.remove()  # what belongs to it stays with it
            before["entries"], before["trackers"] = facts(jit.session)["entries"], facts(jit.session)["trackers"]
        elif isinstance(result, ResourceTracker):
            result.remove()
        assert facts(jit.session) == before or interrupted

    at_every_line(works[what], check)


def test_lookup_at_every_line(jit: uruk.LLJIT, cc: Compile) -> None:
    """What was being linked waits to be linked again, and all memory is there again."""
    jit.add_library("stdc++")
    path = cc.cpp(CPP.format(5))
    tracker = jit.add_object(path)
    memory = facts(jit.session)["memory"]
    count = 0

    def check(result: object) -> None:
        nonlocal tracker, count
        count += 1
        if result is None and any(one.tracker is tracker for one in jit.session.pending.values()):
            assert facts(jit.session)["memory"] == memory or tracker.resources.frames == []
            if count % 16:
                return
        assert call(jit, "value_5") == 5
        tracker.remove()
        tracker = jit.add_object(path)

    assert at_every_line(lambda: jit.lookup("value_5"), check) > 100


def test_names_for_the_loader_at_every_line(cc: Compile) -> None:
    """Code has its names when it is linked, and none before."""
    path = cc(returns("made", 7))
    with uruk.LLJIT(options=uruk.Options(names_for_loader=True)) as jit:
        jit.add_object(cc(returns("old", 3)))
        assert call(jit, "old") == 3
        tracker = jit.add_object(path)

        def check(result: object) -> None:
            nonlocal tracker
            linked = not jit.session.pending
            assert names_in_table(jit) == [b"old", b"made"][: 1 + linked]
            assert call(jit, "made") == 7
            assert names_in_table(jit) == [b"old", b"made"]
            tracker.remove()
            tracker = jit.add_object(path)

        modules = (
            "orc.lookup.linking",
            "orc.lookup.request",
            "platforms.linux.platform",
            "platforms.linux.loader_names",
            "memory.symbol_table",
        )
        assert at_every_line(lambda: jit.lookup("made"), check, modules=modules) > 100


STARTED = """
extern int *counts;
__attribute__((constructor)) static void start(void) { counts[0]++; }
__attribute__((destructor)) static void end(void) { counts[1]++; }
int started(void) { return counts[0]; }
"""


def test_initialisers_run_once(jit: uruk.LLJIT, cc: Compile) -> None:
    """Wherever a lookup is interrupted, the next one runs what it did not; finalisers are registered once."""
    jit.add_object(cc("static int space[2]; int *counts = space; int ended(void) { return space[1]; }"))
    path = cc(STARTED)
    tracker = jit.add_object(path)
    rounds = 0

    def check(result: object) -> None:
        nonlocal tracker, rounds
        rounds += 1
        assert not jit.session.initializers.running
        assert call(jit, "started") == rounds
        tracker.remove()
        assert call(jit, "ended") == rounds
        tracker = jit.add_object(path)

    modules = ("orc.lookup.query", "orc.lifetime.initialization", "platforms.linux.platform")
    assert at_every_line(lambda: jit.lookup("started"), check, modules=modules) > 100


@pytest.fixture
def timer() -> Iterator[None]:
    """SIGALRM raises KeyboardInterrupt, as SIGINT does."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def interrupted_after(seconds: float, work: Callable[[], object]) -> object:
    """What `work` returns; None if a signal has ended it that comes in some time."""
    result = None
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        result = work()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        pass
    return result


def test_signals_at_all_times(jit: uruk.LLJIT, cc: Compile, timer: None) -> None:
    """Added, linked and removed, or as before: over and over, with a signal ever a bit later."""
    jit.add_library("stdc++")
    path = cc.cpp(CPP.format(6))
    begin = time.perf_counter()
    for _ in range(5):
        tracker = jit.add_object(path)
        assert call(jit, "value_6") == 6
        tracker.remove()
    duration = (time.perf_counter() - begin) / 5
    before = facts(jit.session)
    added = 0
    for step in range(400):
        result = interrupted_after(1e-6 + duration * 0.6 * step / 400, lambda: jit.add_object(path))
        if result is not None:
            assert isinstance(result, ResourceTracker)
            added += 1
            result.remove()
        assert facts(jit.session) == before
    assert added > 10
    tracker = jit.add_object(path)
    for step in range(400):
        interrupted_after(1e-6 + duration * step / 400, lambda: jit.lookup("value_6"))
        assert jit.session.table.undo is None
        if step % 20 == 0:
            assert call(jit, "value_6") == 6
            tracker.remove()
            tracker = jit.add_object(path)
    assert call(jit, "value_6") == 6
    tracker.remove()
    assert facts(jit.session)["entries"] == before["entries"]


@pytest.mark.parametrize("place", ["here", "child"])
def test_close_at_every_line(place: str, cc: Compile) -> None:
    """Wherever closing is interrupted, closing again does the rest: no code, no process and no descriptor is left."""
    path = cc.cpp(CPP.format(7))

    def make() -> uruk.LLJIT:
        jit = uruk.LLJIT(executor=uruk.spawn() if place == "child" else None)
        jit.add_library("stdc++")
        for _ in range(2):
            tracker = jit.add_object(path)
            assert call(jit, "value_7") == 7
            tracker.remove()
        jit.add_object(path)
        assert call(jit, "value_7") == 7
        return jit

    make().close()
    before = open_descriptors()
    for number in range(200):
        jit, done = make(), False
        with contextlib.suppress(KeyboardInterrupt), Interrupter(number, ["orc.lifetime.closing"]) as interrupter:
            jit.close()
            done = not interrupter.done
        begin = time.monotonic()
        jit.close()
        assert time.monotonic() - begin < 5
        assert jit.session.closed
        assert not jit.session.trackers
        if not jit.executor.process.is_here:
            assert jit.executor.child.status is not None
        del jit
        gc.collect()
        if done:
            assert number > 15
            break
    else:
        pytest.fail("closing has more lines")
    assert open_descriptors() <= before


HOST = "int ended = 0, base_value = 5;"
REMOVED = """
#include <cstdlib>
extern "C" int ended, base_value;
struct Counter { ~Counter() { ended++; } } counter;
thread_local int local = 3;
extern "C" int used(void) { try { throw 4; } catch (int code) { return code + local + base_value; } }
static void at_end() { ended += 10; }
extern "C" int begin(void) { return std::atexit(at_end); }
"""
USER = "extern int used(void); int user(void) { return used(); }"


@pytest.mark.parametrize("place", ["here", "child"])
@pytest.mark.parametrize("force", [False, True])
def test_remove_at_every_line(place: str, force: bool, cc: Compile) -> None:
    """Wherever a removal is interrupted, removing again does the rest, each thing once."""
    host, user = cc(HOST, "-fPIC", name="host"), cc(USER, "-fPIC", name="user")
    code = cc.cpp(REMOVED, "-fPIC", name="removed")  # which need not lie near the C++ library
    with uruk.LLJIT(executor=uruk.spawn() if place == "child" else None) as jit:
        jit.add_library("stdc++")
        jit.add_object(host)
        ended = jit.lookup("ended").address

        def used() -> int:
            return sum(slab.used for slab in jit.executor.memory.slabs)

        def cycle(number: int) -> bool:
            tracker, users = jit.add_object(code), jit.add_object(user) if force else None
            assert call(jit, "user" if force else "used") == 12
            assert call(jit, "begin") == 0
            address = jit.lookup("used").address
            jit.executor.process.write(ended, bytes(4))
            interrupter = Interrupter(number, ["orc.lifetime.removal", "orc.lifetime.withheld", "orc.registry.tracker"])
            with contextlib.suppress(KeyboardInterrupt), interrupter:
                tracker.remove(force=force)
            tracker.remove(force=force)
            assert tracker.removed
            assert tracker.removal is None
            assert tracker.number not in jit.session.trackers
            assert jit.executor.process.read(ended, 4) == b"\x0b\0\0\0"
            with pytest.raises(uruk.UndefinedSymbols):
                jit.lookup("begin")
            if users is not None:
                assert jit.session.withheld.name(address).startswith("`used' of ")
                users.remove()
            return interrupter.done

        assert not cycle(10000)
        before = facts(jit.session), used()
        number = 0
        while cycle(number):
            assert (facts(jit.session), used()) == before, number
            number += 1
        assert number > 30


def test_a_dylib_that_is_removed_at_every_line(cc: Compile) -> None:
    host, code = cc(HOST, "-fPIC", name="host"), cc.cpp(REMOVED, "-fPIC", name="removed")
    with uruk.LLJIT() as jit:
        jit.add_library("stdc++")
        jit.add_object(host)
        for number in range(400):
            dylib = jit.create_dylib("plugin", [jit.main])
            jit.add_object(code, dylib=dylib)
            assert jit.lookup("used", dylib).function("int(void)")() == 12
            before = len(jit.session.dylibs)
            interrupter = Interrupter(number, ["orc.dylib", "orc.registry.registry", "orc.lifetime.removal"])
            with contextlib.suppress(KeyboardInterrupt), interrupter:
                dylib.remove()
            dylib.remove()
            assert len(jit.session.dylibs) == before - 1
            if not interrupter.done:
                break
        assert number > 30


SLOW = """
#include <unistd.h>
extern int ended;
static volatile int steps;
__attribute__((destructor)) static void end(void) { for (; steps < 20; steps++) usleep(50000); ended++; }
int used(void) { return 1; }
"""


def test_finalisers_that_go_on_in_a_child(cc: Compile) -> None:
    """Ctrl-C ends the wait for them, not them: their code stays until they have ended."""
    with uruk.LLJIT(executor=uruk.spawn()) as jit:
        jit.add_object(cc(HOST, name="host"))
        tracker = jit.add_object(cc(SLOW, name="slow"))
        assert call(jit, "used") == 1
        ended = jit.lookup("ended").address
        timer = threading.Timer(0.3, signal.pthread_kill, [threading.get_ident(), signal.SIGINT])
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            tracker.remove()
        assert jit.executor.process.read(ended, 4) == bytes(4)
        assert tracker.remove().memory > 0
        assert jit.executor.process.read(ended, 4) == b"\1\0\0\0"
        assert jit.executor.lost is None


def test_closing_finishes_an_interrupted_removal(cc: Compile) -> None:
    jit = uruk.LLJIT()
    jit.add_library("stdc++")
    jit.add_object(cc(HOST, name="host"))
    tracker = jit.add_object(cc.cpp(REMOVED, name="removed"))
    assert call(jit, "used") == 12
    with contextlib.suppress(KeyboardInterrupt), Interrupter(25, ["orc.lifetime.removal"]) as interrupter:
        tracker.remove()
    assert interrupter.done
    assert tracker.removal is not None
    jit.close()
    assert tracker.removal is None
    assert not jit.session.trackers


def test_ctrl_c_in_a_callback_in_this_process(cc: Compile, child: RunChild) -> None:
    """It is printed, as every exception of a callback of ctypes; the call goes on, and the session with it."""
    ask = cc("int ask(int (*f)(int), int n) { int s = 0; for (int i = 0; i < n; i++) s += f(i); return s; }")
    text = """
        import ctypes, signal, sys, uruk
        calls = []
        def serve(number):
            calls.append(number)
            if number == 2:
                signal.raise_signal(signal.SIGINT)
            return 5
        signal.signal(signal.SIGINT, signal.default_int_handler)
        callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(serve)
        address = ctypes.cast(callback, ctypes.c_void_p).value
        with uruk.LLJIT() as jit:
            jit.add_object(sys.argv[1])
            ask = jit.lookup("ask").function("int(long, int)")
            ask(address, 6)  # of the call that was interrupted, ctypes says nothing
            print(calls)
            print(ask(address, 1), len(calls))
    """
    done = child(text, ask)
    assert done.out == "[0, 1, 2, 3, 4, 5]\n5 7\n", done
    assert "KeyboardInterrupt" in done.err


REPLACING = (
    "orc.lookup.linking",
    *(f"orc.replacing.{name}" for name in ("replacing", "change", "collect", "versions")),
)


@pytest.mark.parametrize("together", [False, True])
def test_replace_at_every_line(jit: uruk.LLJIT, cc: Compile, together: bool) -> None:
    """It is the old version or the new one, whose code and data are there once; what goes is given back."""
    text = "static int count; int {0}(void) {{ count++; return {1}; }} int {0}_count(void) {{ return count; }}"
    objects = {name: [cc(text.format(name, number)) for number in (1, 2)] for name in ("f", "g")}
    code = {name: jit.add_object(versions[0], replaceable=True) for name, versions in objects.items()}
    functions = {name: jit.lookup(name).function("int(void)") for name in ("f", "f_count", "g", "g_count")}
    numbers, called, versions_made = {"f": 1, "g": 1}, 0, 0

    def replace() -> bool:
        nonlocal versions_made
        versions_made += 1
        new = {code[name]: objects[name][versions_made % 2] for name in (("f", "g") if together else ("f",))}
        if together:
            jit.replace_together(new)
        else:
            code["f"].replace(new[code["f"]])
        return True

    def check(result: object) -> None:
        nonlocal called
        called += 1
        number = functions["f"]()
        assert number in (numbers["f"], versions_made % 2 + 1)
        assert functions["g"]() == (number if together else 1)
        assert number == versions_made % 2 + 1 or not result
        numbers["f"] = number
        assert (functions["f_count"](), functions["g_count"]()) == (called, called)
        jit.collect()
        trackers = [one.name for one in jit.session.trackers.values()]
        assert (len(trackers), jit.session.replaced) == (len(known), []), trackers
        assert facts(jit.session)["memory"] <= used

    replace()
    jit.collect()
    known, used = dict(jit.session.trackers), facts(jit.session)["memory"] + 4096
    check(True)
    assert at_every_line(replace, check, step=9 if together else 4, modules=REPLACING) > 100


def test_a_table_that_grows() -> None:
    """Its columns have all grown, or none, and single rows are those of the columns; so a later call finds it whole."""
    table = SymbolTable()

    def check(_: object) -> None:
        sizes = {
            len(getattr(table, name)) for name in ("owner", "rank", "ready", "flags", "address", "group", "contested")
        }
        assert sizes == {len(table.cells.owner)}
        row = table.owner.size - 1
        for name, value in (("owner", 5), ("rank", 3), ("ready", 1), ("flags", 2), ("address", -7)):
            getattr(table.cells, name)[row] = value
            assert getattr(table, name)[row] == value

    table.grow(1)
    lines = at_every_line(lambda: table.grow(table.owner.size + 1), check, modules=["orc.registry.symbols"])
    assert lines > 5
