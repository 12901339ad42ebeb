"""Lazy stubs of one session: addresses of functions that are made when they are called first.

A stub jumps to its function once there is one. Until then, a call goes into the runtime (runtime/common/lazy.c), which
asks the session for the address through the one ctypes callback of this process. The runtime has flags that say whether
the session is closed, or the interpreter has ended: it looks at these first, without the GIL, and does not ask then.
Where no address can be had the handler runs in the function's place, with its arguments.
"""

from __future__ import annotations

import atexit
import ctypes
import itertools
import os
import struct
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

import numpy as np

from uruk.errors import ExecutorLost, InternalError, ProtocolError, SessionClosed, UrukError
from uruk.executor.locks import is_owned
from uruk.executor.stub_pool import DISTANCE, POOL, Retired, StubPool
from uruk.graph.types import I64, U64, Bool, every, some, unique
from uruk.isa.interface import LAZY_CHANGES, LAZY_PAGE, LAZY_SLOTS, LAZY_STUB_SIZE, LAZY_STUBS
from uruk.memory.mapper import Range
from uruk.records import record

PATIENCE = 2.0
"""Seconds that closing, and the end of the interpreter, wait for calls of `resolve` under way in other threads."""
_LOOK = 0.02
"""Seconds after which a call that waits for the session's lock looks whether the session was closed meanwhile."""
_WORD = 1 << 64

Stubs = I64 | list[int]
"""Numbers of stubs."""


@record
class LazyFunctions:
    """The runtime's functions for lazy stubs, as runtime/common/lazy.c has them, callable with integers."""

    begin: Callable[..., int]
    open: Callable[..., int]
    write: Callable[..., int]
    set_handler: Callable[..., int]
    in_flight: Callable[..., int]
    close: Callable[..., int]
    stop: Callable[..., int]
    ask: int = 0
    """Address of what asks for a stub's function in another process; 0 for this one, which has a ctypes callback."""


class LazyStubs:
    """The lazy stubs of one session in this process, numbered from 0 on. Methods may be called from any thread.

    `resolve(stub)` returns the address of a stub's function; it is called in the thread that calls the stub. What it
    raises is handed to `on_error(stub, exception)`, and then the handler runs. `lock`, if there is one, is held
    meanwhile, so that one stub is asked for at a time, and each once; it must be the lock that the lookup behind
    `resolve` takes, if any. Without it `resolve` runs in several threads at once, and has to see to that itself.
    `near()` says beside which memory the stubs are to lie, `pool` has that memory, and `read` reads a word of it.

    A session that is not closed stays alive, with all that `resolve` holds: native code may call a stub at any time.
    """

    def __init__(
        self,
        functions: LazyFunctions,
        resolve: Callable[[int], int],
        on_error: Callable[[int, BaseException], object],
        *,
        lock: threading.RLock | None = None,
        near: Callable[[], Range | None] = lambda: None,
        pool: StubPool = POOL,
        read: Callable[[int], int] = lambda address: ctypes.c_uint64.from_address(address).value,
    ) -> None:
        self.closed = False
        self._pool = pool
        self._read = read
        self._functions = functions
        self._resolve = resolve
        self._on_error = on_error
        self._lock = lock
        self._near = near
        self._number = next(_numbers)
        self._handler = 0
        self._inside = threading.local()
        self._code: I64 = np.empty(0, np.int64)
        self._taken: Bool = np.empty(0, np.bool_)
        self._free: I64 = np.empty(0, np.int64)
        self._free_count = 0

    def take(self, count: int) -> I64:
        """Return addresses of `count` new stubs; where they have numbers, `numbers` tells. Raises AllocationError."""
        with self._pool.lock:
            self._check_open()
            if count > self._free_count:
                self._add_blocks(-(-(count - self._free_count) // LAZY_STUBS))
            rest = self._free_count - count
            # A copy, as the place in the stack is written over when stubs come back.
            stubs = self._free[rest : self._free_count][::-1].copy()
            self._free_count = rest
            self._taken[stubs] = True
            return self.addresses(stubs)

    @property
    def is_taking(self) -> bool:
        """True while this thread is in the middle of changing what stubs there are."""
        return is_owned(self._pool.lock)

    def _add_blocks(self, count: int) -> None:
        first = self._taken.size
        code = np.array(self._pool.take(count, self._near()), np.int64)
        if not self._code.size:
            _open_sessions[self._number] = self
            ask = self._functions.ask or _callback(self._functions)
            # The page of data of the first block holds the session's own words, for as long as there are blocks.
            self._functions.begin(int(code[0]) + DISTANCE, ask, self._number)
        self._code = np.concatenate([self._code, code])
        home = self._home()
        for row, page in enumerate(code.tolist()):
            self._functions.open(page + DISTANCE, page, first + row * LAZY_STUBS, home)
        if self._handler:
            self._functions.set_handler(home, self._handler)
        more = LAZY_STUBS * count
        self._taken = np.concatenate([self._taken, np.zeros(more, np.bool_)])
        grown = np.empty(self._taken.size, np.int64)
        grown[:more] = np.arange(first + more, first, -1) - 1  # the lowest number on top
        grown[more : more + self._free_count] = self._free[: self._free_count]
        self._free, self._free_count = grown, self._free_count + more

    def addresses(self, stubs: Stubs) -> I64:
        """Return addresses of stubs by number."""
        numbers = np.asarray(stubs, np.int64)
        return self._code[numbers // LAZY_STUBS] + LAZY_STUB_SIZE * (numbers % LAZY_STUBS)

    def numbers(self, addresses: I64 | list[int]) -> I64:
        """Return numbers of stubs by address. Raises UrukError for what is not a stub's."""
        wanted = np.asarray(addresses, np.int64)
        page, offset = wanted & -LAZY_PAGE, wanted & (LAZY_PAGE - 1)
        order = self._code.argsort()
        # An address behind all pages is found at the end, where there is no page: the comparison refuses it.
        place = np.minimum(self._code.searchsorted(page, sorter=order), max(order.size - 1, 0))
        begins = offset % LAZY_STUB_SIZE == 0
        if wanted.size and not (order.size and every((self._code[order[place]] == page) & begins)):
            raise UrukError("an address is that of no lazy stub of this session")
        return order[place] * LAZY_STUBS + offset // LAZY_STUB_SIZE if wanted.size else np.empty(0, np.int64)

    def bind(self, stubs: Stubs, targets: I64 | U64 | list[int]) -> None:
        """Let stubs go to these addresses from now on, without a question; one of 0 makes its stub lazy again."""
        self._write(np.asarray(stubs, np.int64), np.asarray(targets).astype(np.uint64))

    def reset(self, stubs: Stubs) -> None:
        """Make stubs lazy again: the next call asks `resolve`."""
        self._write(np.asarray(stubs, np.int64), None)

    def give(self, stubs: Stubs) -> None:
        """Take stubs back, to be used again by this session; a late call of one fails. Raises UrukError twice."""
        numbers = np.asarray(stubs, np.int64)
        with self._pool.lock:
            self._write(numbers, None)
            if unique(numbers).size != numbers.size:
                raise UrukError("a lazy stub is given back twice")
            self._taken[numbers] = False
            self._free[self._free_count : self._free_count + numbers.size] = numbers[::-1]
            self._free_count += numbers.size

    def target(self, stub: int) -> int:
        """Return the address that a stub goes to, 0 while it is lazy."""
        page, index = int(self._code[stub // LAZY_STUBS]), stub % LAZY_STUBS
        # A lazy stub's slot has the address of the second half of the stub itself, which calls the runtime.
        now = self._read(page + (DISTANCE + LAZY_SLOTS) + 8 * index)
        return 0 if now == page + LAZY_STUB_SIZE * index + self._pool.architecture.first_call else now

    def slot(self, stub: int) -> int:
        """Return the address of the word that a stub jumps through."""
        return int(self._slots(np.array([stub], np.int64))[0])

    def _changes(self, stub: int) -> int:
        """Return how often a stub's slot was set by the session."""
        at = int(self._code[stub // LAZY_STUBS]) + (DISTANCE + LAZY_CHANGES) + 8 * (stub % LAZY_STUBS)
        return self._read(at)

    @property
    def handler(self) -> int:
        """Address of the function that runs where a stub's own cannot be had; 0 is the default: say so and abort.

        It gets the arguments of the stub's function. It must be native code, as it runs after the interpreter's end,
        too, and stay in memory longer than any call of a stub: it is no code of a session that is closed.
        """
        return self._handler

    @handler.setter
    def handler(self, address: int) -> None:
        """Set the handler, from the next failure on. Raises SessionClosed."""
        with self._pool.lock:
            self._check_open()
            self._handler = address
            if self._code.size:
                self._functions.set_handler(self._home(), address)

    @property
    def in_flight(self) -> int:
        """The number of calls of `resolve` under way, of all threads."""
        return self._functions.in_flight(self._home()) if self._code.size and not self.closed else 0

    def close(self) -> None:
        """Let the handler answer from now on. Waits up to `PATIENCE` for calls of `resolve` in other threads.

        Such calls that wait for the session's lock give up, so that it may be held here.
        """
        with self._pool.lock:
            if self.closed:
                return
            self.closed = True
            if not self._code.size:
                return
        close, home = self._functions.close, self._home()
        try:
            # Calls of this very thread do not end while it waits: as many as it is in may be under way.
            _wait(lambda: close(home) > self._depth())
            with self._pool.lock:
                self._set_slots(np.arange(self._taken.size), None)
                self._pool.retire(self._retired())
        except ExecutorLost:  # and the stubs with it
            pass
        finally:
            _open_sessions.pop(self._number, None)

    def leave(self) -> None:
        """Answer no more; the process with the stubs ends."""
        self.closed = True
        _open_sessions.pop(self._number, None)

    def _retired(self) -> Retired:
        """Return the blocks as the pool keeps them, without a reference to this session."""
        close, open_block, home, pages = self._functions.close, self._functions.open, self._home(), self._code.tolist()

        def let_go() -> None:
            for page in pages:
                open_block(page + DISTANCE, page, 0, 0)

        return Retired(pages, lambda: close(home), let_go)

    def after_fork(self) -> None:
        """Let the handler answer in the child, where a thread that is gone holds the session's lock."""
        if self._functions.ask:  # the other process is the parent's
            self.closed = True
            return
        if self._lock is None:
            return
        if self._lock.acquire(blocking=False):
            self._lock.release()
        else:
            self.closed = True
            self._functions.close(self._home())

    def _home(self) -> int:
        return int(self._code[0]) + DISTANCE

    def _check_open(self) -> None:
        if self.closed:
            raise SessionClosed("the session of these lazy stubs is closed")

    def _slots(self, stubs: I64) -> I64:
        return self._code[stubs // LAZY_STUBS] + (DISTANCE + LAZY_SLOTS) + 8 * (stubs % LAZY_STUBS)

    def _write(self, stubs: I64, targets: U64 | None) -> None:
        with self._pool.lock:
            self._check_open()
            inside = (stubs >= 0) & (stubs < self._taken.size)
            if not every(inside) or some(~self._taken[stubs]):
                raise UrukError("a lazy stub was never taken, or is given back already")
            if targets is not None and targets.size != stubs.size:
                raise InternalError(f"{targets.size} targets for {stubs.size} lazy stubs")
            self._set_slots(stubs, targets)

    def _set_slots(self, stubs: I64, targets: U64 | None) -> None:
        slots = self._slots(stubs)
        self._functions.write(slots, targets)

    def has(self, stub: int, pool: StubPool | None) -> bool:
        """Return True if there is a stub of this number, in memory of `pool`."""
        return self._pool is pool and stub < self._taken.size

    def answer(self, stub: int) -> int:
        """Return what the runtime gets for a stub's first call: the function's address, or 0, when the handler runs."""
        self._inside.depth = self._depth() + 1
        try:
            with self._turn() as open_still:
                return self._find(stub) if open_still else 0
        except BaseException as error:  # of whatever kind: there is no Python caller to raise it to
            self._report(stub, error)
            return 0
        finally:
            self._inside.depth -= 1

    def _depth(self) -> int:
        """Return how many calls of `answer` the calling thread is in."""
        return getattr(self._inside, "depth", 0)

    @contextmanager
    def _turn(self) -> Generator[bool, None, None]:
        """Hold the lock, if there is one. Yield False, without it, for a closed session, whose closer may hold it."""
        if self._lock is None:
            yield not (self.closed or _stopped)
            return
        while not self._lock.acquire(timeout=_LOOK):
            if self.closed or _stopped:
                yield False
                return
        try:
            yield not self.closed
        finally:
            self._lock.release()

    def _find(self, stub: int) -> int:
        if not self._taken[stub]:
            raise UrukError("a lazy function was called after it was removed")
        while not self.closed:
            address, changes = self.target(stub), self._changes(stub)
            if address:  # another thread was first
                return address
            address = self._resolve(stub)
            # A stub that jumps to itself would never end.
            if not 0 < address < _WORD or address == int(self.addresses([stub])[0]):
                raise InternalError(f"{address:#x} came back as the address of a lazy function")
            with self._pool.lock:
                if self._changes(stub) == changes:  # else it was bound or reset meanwhile, which counts more
                    self._set_slots(np.array([stub], np.int64), np.array([address], np.uint64))
        return 0

    def _report(self, stub: int, error: BaseException) -> None:
        try:
            self._on_error(stub, error)
        finally:
            if not self._handler:  # the process ends now
                text = f"uruk: {type(error).__name__}: {error}\n"
                with suppress(OSError):
                    os.write(2, text.encode("utf-8", "backslashreplace"))


_numbers = itertools.count(1)
_open_sessions: dict[int, LazyStubs] = {}
_stopped: list[LazyFunctions] = []
_running: list[tuple[LazyFunctions, ctypes._FuncPointer]] = []  # pyright: ignore[reportPrivateUsage]


def _answer(session: int, stub: int, answer: int) -> None:
    """Answer the runtime, which calls this. The answer's place has a 0, in case an exception gets out of here."""
    stubs = _open_sessions.get(session)
    if stubs is not None:
        ctypes.c_uint64.from_address(answer).value = stubs.answer(stub)


def answer(payload: bytes, pool: StubPool | None) -> bytes:
    """Serve a request of another process, whose stubs `pool` has, for a stub's function (runtime/common/callback.c).

    Raises ProtocolError for a request that no stub of that process makes.
    """
    if len(payload) != 24:
        raise ProtocolError(f"the executor asked for a lazy function by {len(payload)} bytes")
    _, session, stub = struct.unpack("<3Q", payload)
    stubs = _open_sessions.get(session)
    if stubs is None:  # it was closed meanwhile
        return bytes(8)
    if not stubs.has(stub, pool):
        wanted = f"lazy function {stub} of session {session}"
        raise ProtocolError(f"the executor asked for {wanted}, which is none of its own")
    return stubs.answer(stub).to_bytes(8, "little")


def _callback(functions: LazyFunctions) -> int:
    """Return the address of the callback, one for all sessions, which is never freed: a thread may always be on its way
    to it."""
    with POOL.lock:
        if not _running:
            callback = ctypes.CFUNCTYPE(None, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_size_t)(_answer)
            # This reference is never given back: at the end the interpreter would free the callback's code.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(callback))
            _running.append((functions, callback))
        return ctypes.cast(_running[0][1], ctypes.c_void_p).value or 0


def _wait(busy: Callable[[], bool]) -> None:
    """Wait until nothing is busy, at most PATIENCE; others get the GIL meanwhile."""
    end = time.monotonic() + PATIENCE
    while busy() and time.monotonic() < end:
        time.sleep(0.001)


def _after_fork() -> None:
    for stubs in _open_sessions.values():
        stubs.after_fork()


os.register_at_fork(after_in_child=_after_fork)


@atexit.register  # when this module is imported: finalisers of sessions, registered later, run before
def _stop() -> None:
    """Let no thread enter Python from now on: it would crash, or never return."""
    for functions, _ in _running:
        _stopped.append(functions)
        _wait(lambda functions=functions: functions.stop() > 0)
