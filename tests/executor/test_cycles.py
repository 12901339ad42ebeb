"""Executors that come and go: descriptors, processes, threads, mappings and memory stay as they are.

URUK_CYCLES: how often (40 by default; 10,000 for a long run); executors under wine, which take longer to start, a
twentieth as often, but 20 times at least.
"""

from __future__ import annotations

import gc
import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

import uruk
from uruk.executor.remote import RemoteExecutor

from support.executors import compiled_for, listening

CYCLES = int(os.environ.get("URUK_CYCLES", "40"))
WARM = max(CYCLES // 10, 5)
"""Cycles before anything is counted: caches fill, and allocators find their size."""
PAGE = os.sysconf("SC_PAGE_SIZE")
MORE_MEMORY = (24 << 20) + 200 * CYCLES
"""Bytes by which a process may grow in all cycles, those included that wait for the garbage collector."""
TWICE = "int twice(int (*ask)(int), int n) { return 2 * ask(n); }"
SOURCES = {
    "x86_64-linux": TWICE + "static __thread int own = 1; int *mine(void) { return &own; }",
    "x86_64-windows": TWICE,  # gcc's thread-locals there are a library's
}
LAZY = "int late(int n) { return n - 1; }"
PATIENCE = 20.0


def children(pid: int) -> int:
    """How many children a process has, those that nobody has waited for included."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(len((task / "children").read_text().split()) for task in tasks)


def resources(pid: int) -> dict[str, int]:
    """What a process has open, and how much memory it has in use."""
    process = Path("/proc") / str(pid)
    return {
        "descriptors": len(list((process / "fd").iterdir())),
        "threads": len(list((process / "task").iterdir())),
        "children": children(pid),
        "mappings": (process / "maps").read_text().count("\n"),
        "memory": int((process / "statm").read_text().split()[1]) * PAGE,
    }


def at_rest(pid: int, expected: int = 0) -> dict[str, int]:
    """The same when its children have ended, and nothing changes any more.

    A server's children end after their controllers, and its last client may still wait to be accepted.
    """
    end = time.monotonic() + PATIENCE
    while children(pid) > expected and time.monotonic() < end:
        time.sleep(0.05)
    now, before = resources(pid), {}
    while now != before and time.monotonic() < end:
        time.sleep(0.1)
        now, before = resources(pid), now
    return now


def cycle(start: Callable[[], RemoteExecutor], code: bytes, lazy: bytes) -> None:
    with uruk.LLJIT(executor=start()) as jit:
        jit.add_object(lazy, lazy=True)  # its stub is in memory of its own
        assert jit.lookup("late").function("int(int)")(43) == 42
        tracker = jit.add_object(code)
        ask = jit.executor.callback("int(int)", lambda number: number + 1)
        assert jit.lookup("twice").function("int(void *, int)")(ask.address, 20) == 42
        tracker.remove()


def run_cycles(start: Callable[[], RemoteExecutor], code: bytes, target: str, *others: int, lazy: bytes) -> None:
    """Run the cycles, and compare what this process and others have before and after."""
    ours = os.getpid()
    seen: list[dict[int, dict[str, int]]] = []
    for count in (WARM, CYCLES) if target == "x86_64-linux" else (5, max(CYCLES // 20, 20)):
        for _ in range(count):
            cycle(start, code, lazy)
        gc.collect()
        counted = {pid: at_rest(pid) for pid in others}
        counted[ours] = at_rest(ours, len(others))
        seen.append(counted)
    before, after = seen
    for pid, first in before.items():
        last = after[pid]
        for kind in ("descriptors", "threads", "children"):
            assert last[kind] <= first[kind], (kind, pid == ours, first, last)
        assert last["mappings"] <= first["mappings"] + 8, (first, last)
        assert last["memory"] <= first["memory"] + MORE_MEMORY, (first, last)
    assert threading.active_count() <= before[ours]["threads"]


@pytest.fixture
def code(target: str, tmp_path: Path) -> bytes:
    return compiled_for(target, tmp_path, SOURCES[target])


@pytest.fixture
def lazy(target: str, tmp_path: Path) -> bytes:
    """An object to be added lazily."""
    return compiled_for(target, tmp_path, LAZY, "lazy")


def names_in_shared_memory() -> set[str]:
    """The files of /dev/shm that uruk or wine has made."""
    return {name for name in os.listdir("/dev/shm") if name.startswith(("uruk", "wine"))}


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "wire"])
def test_nothing_keeps_what_was_closed(shared: bool, code: bytes, lazy: bytes, target: str) -> None:
    kept: list[weakref.ref[object]] = []

    def start() -> RemoteExecutor:
        executor = uruk.spawn(shared_memory=shared, target=target)
        kept.extend(map(weakref.ref, (executor, executor.connection, executor.memory, executor.callbacks)))
        return executor

    cycle(start, code, lazy)
    start().close()
    gc.collect()
    assert [reference() for reference in kept] == [None] * 8


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "wire"])
def test_children(shared: bool, code: bytes, lazy: bytes, target: str) -> None:
    uruk.spawn(shared_memory=shared, target=target).close()
    before = names_in_shared_memory()
    run_cycles(lambda: uruk.spawn(shared_memory=shared, target=target), code, target, lazy=lazy)
    assert names_in_shared_memory() <= before


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "wire"])
def test_connections(shared: bool, code: bytes, lazy: bytes, target: str) -> None:
    with listening(target) as (port, pid):
        run_cycles(lambda: uruk.connect("127.0.0.1", port, shared_memory=shared), code, target, pid, lazy=lazy)


def test_connections_that_come_to_nothing(target: str) -> None:
    """Clients that hang up at once, say nothing, or speak another language; the next controller is served."""
    import socket

    with listening(target) as (port, pid):

        def knock(data: bytes) -> None:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
                client.sendall(data)

        def round_of_clients() -> None:
            for data in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 64, bytes(64)):
                knock(data)

        seen: list[dict[str, int]] = []
        for count in (WARM, CYCLES):
            for _ in range(count):
                round_of_clients()
            seen.append(at_rest(pid))
        # a process under wine has one more while it waits for a connection, or not
        more = {"descriptors": int(target == "x86_64-windows")}
        for kind in ("descriptors", "threads", "children"):
            assert abs(seen[0][kind] - seen[1][kind]) <= more.get(kind, 0), kind
        uruk.connect("127.0.0.1", port).close()
