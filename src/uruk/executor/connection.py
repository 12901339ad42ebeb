"""One connection to an executor: frames of LLVM's SimpleRemoteEPC over two descriptors.

Calls of both sides share the line, each side numbering its own. A thread listens: it hands results to those who wait,
and requests of the executor to the thread whose call they came from (it may hold locks that the request needs), or to
one of its own. Every message is checked; what is wrong ends the connection, and with it all calls that wait.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from uruk.errors import ExecutorError, ExecutorLost, ExecutorTimeout, ProtocolError
from uruk.executor import sps

SETUP, HANGUP, RESULT, CALL = 0, 1, 2, 3
LARGEST_MESSAGE = 1 << 32
"""Bytes; a larger message is a mistake, or an attack."""
SETUP_PATIENCE = 30.0
"""Seconds that a new executor may take until it says what it is."""
FAREWELL = 5.0
"""Seconds that closing waits for the other side to end its side of the line, which a child does at once."""
_HEADER = struct.Struct("<QQQQ")
_MOST_BUFFERS = 512  # of one writev (IOV_MAX is 1024)

Bytes = bytes | bytearray | memoryview
Handler = Callable[[bytes], bytes]


@dataclass(eq=False, repr=False)
class Setup:
    """What an executor says of itself, first of all."""

    triple: str
    page_size: int
    values: Mapping[str, bytes]
    """The bootstrap map."""
    symbols: Mapping[str, int]
    """The bootstrap symbols: addresses by name."""


class _Waiting:
    """A call that waits for its result; `work` holds requests that came out of it."""

    __slots__ = ("failure", "result", "wake", "work")

    def __init__(self) -> None:
        self.wake = threading.Semaphore(0)
        self.result: bytes | None = None
        self.failure: ExecutorError | None = None
        self.work: deque[Callable[[], None]] = deque()


class Connection:
    """A line to an executor. `read_from` and `write_to` are descriptors, which it owns from now on.

    `handlers` answers requests: by the address of a tag in the executor's memory. `why` is asked, once, what became of
    an executor whose line ended; `shut_down` ends a socket's. `patience`: seconds for the executor's first message.
    Raises ProtocolError where the other side is no executor, ExecutorTimeout where it says nothing.
    """

    def __init__(
        self,
        read_from: int,
        write_to: int,
        why: Callable[[str], ExecutorLost] | None = None,
        *,
        shut_down: Callable[[], None] | None = None,
        patience: float = SETUP_PATIENCE,
    ) -> None:
        self.handlers: dict[int, Handler] = {}
        self.sent = self.received = 0
        """Bytes on the line so far, in each direction."""
        self.last_words = ""
        """What the executor said when it hung up."""
        self._read, self._write = read_from, write_to
        self._why = why
        self._shut_down = shut_down
        self._lock = threading.Lock()  # of the tables
        self._sending = threading.Lock()
        self._next = 0
        self._waiting: dict[int, _Waiting] = {}
        self._lost: ExecutorLost | None = None
        self._closing = False
        self._pid = os.getpid()
        self._ready = threading.Event()
        self._setup: Setup | None = None
        self.listener = threading.Thread(target=self._listen, name="uruk executor", daemon=True)
        self.listener.start()
        if not self._ready.wait(patience):
            self.close(hang_up=False)
            raise ExecutorTimeout(f"the executor said nothing within {patience:g} s")
        if self._setup is None:
            self.close(hang_up=False)
            raise self._lost or ProtocolError("the executor said nothing of itself")
        self.setup = self._setup

    # -- calls

    def call(self, tag: int, *parts: Bytes, deadline: float | None = None) -> bytes:
        """Call the wrapper function at `tag` with an argument made of `parts`; returns its result.

        `deadline`: seconds; then ExecutorTimeout. Raises ExecutorLost when the executor is gone.
        """
        return self.call_with(tag, lambda number: parts, deadline=deadline)

    def call_with(self, tag: int, make: Callable[[int], tuple[Bytes, ...]], *, deadline: float | None = None) -> bytes:
        """As `call`, with an argument that is made from the number of the call."""
        waiting = _Waiting()
        lost = self.lost
        if lost is not None:
            raise lost
        with self._lock:
            if self._lost is not None:
                raise self._lost
            number = self._next
            self._next += 1
            self._waiting[number] = waiting
        try:
            self._send(CALL, number, tag, make(number))
            self._wait(waiting, deadline)
        finally:
            with self._lock:
                if waiting.result is not None or waiting.failure is not None:
                    self._waiting.pop(number, None)
        if waiting.failure is not None:
            raise waiting.failure
        assert waiting.result is not None
        return waiting.result

    def _wait(self, waiting: _Waiting, deadline: float | None) -> None:
        end = None if deadline is None else time.monotonic() + deadline
        while waiting.result is None and waiting.failure is None:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise ExecutorTimeout(f"a call into the executor took longer than {deadline:g} s")
            if waiting.wake.acquire(timeout=left) and waiting.work:
                waiting.work.popleft()()

    def _send(self, opcode: int, number: int, tag: int, parts: tuple[Bytes, ...]) -> None:
        views = [memoryview(part).cast("B") for part in parts if len(part)]
        size = _HEADER.size + sum(view.nbytes for view in views)
        buffers = [memoryview(_HEADER.pack(size, opcode, number, tag)), *views]
        with self._sending:
            try:
                self._write_all(buffers)
            except OSError:  # the listener finds out what happened
                self.listener.join(FAREWELL)
                raise self._lost or ExecutorLost("the executor's line is closed") from None
            self.sent += size

    def _write_all(self, buffers: list[memoryview]) -> None:
        while buffers:
            done = os.writev(self._write, buffers[:_MOST_BUFFERS])
            first = 0
            while first < len(buffers) and done >= buffers[first].nbytes:
                done -= buffers[first].nbytes
                first += 1
            buffers = buffers[first:]
            if buffers and done:
                buffers[0] = buffers[0][done:]

    # -- listening

    def _listen(self) -> None:
        lost: ExecutorLost
        try:
            while self._next_message():
                pass
            lost = ExecutorLost("the executor has ended")
        except ExecutorLost as error:
            lost = error
        except BaseException as error:
            lost = ExecutorLost(f"the executor's line broke: {error}")
        if not isinstance(lost, ProtocolError) and self._why is not None and not self._closing:
            lost = self._why(self.last_words)
        with self._lock:
            self._lost = lost
            waiting = list(self._waiting.values())
            self._waiting.clear()
        for one in waiting:
            one.failure = lost
            one.wake.release()
        self._ready.set()

    def _next_message(self) -> bool:
        """Read one message and do what it asks; False at the end of the line."""
        header = self._read_exactly(_HEADER.size, "the header of a message")
        if not header:
            return False
        size, opcode, number, tag = _HEADER.unpack(header)
        if not _HEADER.size <= size <= LARGEST_MESSAGE:
            raise ProtocolError(f"the executor sent a message of {size} bytes")
        payload = self._read_exactly(size - _HEADER.size, "a message") if size > _HEADER.size else b""
        self.received += size
        if (self._setup is None) != (opcode == SETUP):
            what = "a second setup" if self._setup else f"message {opcode} before its setup"
            raise ProtocolError(f"the executor sent {what}")
        if opcode == SETUP:
            self._take_setup(number, tag, payload)
        elif opcode == RESULT:
            self._take_result(number, tag, payload)
        elif opcode == CALL:
            self._take_call(number, tag, payload)
        elif opcode == HANGUP:
            reader = sps.Reader(payload, "a hangup")
            self.last_words = reader.string().decode(errors="replace") if payload and reader.bool() else ""
        else:
            raise ProtocolError(f"the executor sent a message of unknown kind {opcode}")
        return True

    def _read_exactly(self, size: int, what: str) -> bytes:
        """`size` bytes; none at all where the line ends before the first."""
        data = bytearray()
        try:
            while len(data) < size:
                piece = os.read(self._read, min(size - len(data), 1 << 20))
                if not piece:
                    if data or what != "the header of a message":
                        raise ProtocolError(f"the executor's line ended in the middle of {what}")
                    return b""
                data += piece
        except OSError:
            return b""
        return bytes(data)

    def _take_setup(self, number: int, tag: int, payload: bytes) -> None:
        if number or tag:
            raise ProtocolError("the executor's setup has a number")
        reader = sps.Reader(payload, "the executor's setup")
        triple, page = reader.string().decode(errors="replace"), reader.u64()
        values = {reader.string().decode(errors="replace"): reader.string() for _ in range(reader.count(16))}
        symbols = {reader.string().decode(errors="replace"): reader.u64() for _ in range(reader.count(16))}
        if page < 4096 or page & (page - 1) or page > 1 << 20:
            raise ProtocolError(f"the executor has pages of {page} bytes")
        self._setup = Setup(triple, page, values, symbols)
        self._ready.set()

    def _take_result(self, number: int, tag: int, payload: bytes) -> None:
        with self._lock:
            waiting = self._waiting.pop(number, None) if not tag else None
        if waiting is None:
            raise ProtocolError(f"the executor answered call {number}, which nobody made")
        waiting.result = payload
        waiting.wake.release()

    def _take_call(self, number: int, tag: int, payload: bytes) -> None:
        """A request; its payload begins with the number of the call that it came out of, if it is the runtime's."""
        handler = self.handlers.get(tag)

        def run() -> None:
            answer = b""
            try:
                if handler is not None:
                    answer = handler(payload)
            finally:
                with contextlib.suppress(ExecutorLost):
                    self._send(RESULT, number, 0, (answer,))

        origin = int.from_bytes(payload[:8], "little") if handler is not None else -1
        with self._lock:
            waiting = self._waiting.get(origin)
            if waiting is not None:
                waiting.work.append(run)
        if waiting is not None:
            waiting.wake.release()
        else:
            threading.Thread(target=run, name="uruk request", daemon=True).start()

    # -- the end

    @property
    def lost(self) -> ExecutorLost | None:
        """Why the line is of no use any more; None while it is."""
        if os.getpid() != self._pid:
            return ExecutorLost("the executor belongs to the process that this one was forked from")
        return self._lost

    def close(self, *, hang_up: bool = True) -> None:
        """Say goodbye and end the line; calls that wait raise ExecutorLost. Closing twice does nothing."""
        if self._closing or os.getpid() != self._pid:
            return
        self._closing = True
        if hang_up and self._lost is None:
            with contextlib.suppress(ExecutorError):
                self._send(HANGUP, 0, 0, ())
        with contextlib.suppress(OSError):
            if self._shut_down is not None:
                self._shut_down()
            else:
                os.close(self._write)
        if threading.current_thread() is not self.listener:
            self.listener.join(FAREWELL)
        for one in {self._read} if self._shut_down is None else {self._read, self._write}:
            with contextlib.suppress(OSError):
                os.close(one)
