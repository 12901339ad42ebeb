"""One connection to an executor: frames of LLVM's SimpleRemoteEPC over two descriptors.

Calls of both sides share the line, each side numbering its own. Who waits for an answer reads the line, one at a time,
and hands the others what is theirs: results to those who wait, and requests of the executor to the thread whose call
they came from (it may hold locks that the request needs), or to one of its own. While nobody waits a thread listens.
Every message is checked; what is wrong ends the connection, and with it all calls that wait.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from uruk.errors import ExecutorError, ExecutorLost, ExecutorTimeout, ProtocolError
from uruk.executor import sps
from uruk.executor.incoming import HEADER, Incoming, Message
from uruk.executor.requests import LARGEST as LARGEST_REQUEST
from uruk.executor.requests import Requests

SETUP, HANGUP, RESULT, CALL = 0, 1, 2, 3
LARGEST_ANSWER = 1 << 20
"""Bytes that the answer of a call may carry, where the call does not say that it may be more."""
LARGEST_READ = (1 << 32) - (1 << 16)
"""Bytes that may be asked for at a time; more does not fit in a message."""
_LARGEST = {SETUP: 1 << 20, HANGUP: 1 << 16, CALL: LARGEST_REQUEST}  # bytes that a message of each kind may carry
SETUP_PATIENCE = 30.0
"""Seconds that a new executor may take until it says what it is."""
FAREWELL = 5.0
"""Seconds that closing waits for the other side to end its side of the line, which a child does at once."""
BACK_OFF = 0.001
"""Seconds that the listener leaves the line to those who wait for answers, before it looks again."""
SPINS = 40
"""How often who waits for an answer looks for it before it sleeps: about as long as it takes to wake up."""
_SEVERAL = len(os.sched_getaffinity(0)) > 1  # processors
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
    """A call that waits for its result. `events`: requests that came out of it, and None to look at the rest again."""

    __slots__ = ("events", "failure", "most", "result")

    def __init__(self, most: int) -> None:
        self.most = most  # bytes that the result may have
        self.events: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.result: bytes | None = None
        self.failure: ExecutorError | None = None

    @property
    def idle(self) -> bool:
        """Whether there is nothing for its thread to do but to wait."""
        return self.result is None and self.failure is None and self.events.empty()


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
        self._setup: Setup | None = None
        self._ended = threading.Event()
        self._reading = threading.Lock()  # of the line: whoever has it reads
        self._turns = 0  # of threads that read for themselves
        self._incoming = Incoming(read_from, self._most)
        self._requests = Requests()
        self._readable = select.poll()
        self._readable.register(read_from, select.POLLIN)
        self._take_first_message(patience)
        self.listener = threading.Thread(target=self._listen, args=(read_from,), name="uruk executor", daemon=True)
        self.listener.start()

    def _take_first_message(self, patience: float) -> None:
        end = time.monotonic() + patience
        while self._setup is None and self._lost is None:
            if not self._wait_for_bytes(self._readable, end):
                self._give_up()
                raise ExecutorTimeout(f"the executor said nothing within {patience:g} s")
            self._read_some()
        if self._setup is None:
            self._give_up()
            raise self._lost or ProtocolError("the executor said nothing of itself")
        self.setup = self._setup

    def _give_up(self) -> None:
        self._closing = True
        self._shut()
        self._close_files()

    # -- calls

    def call(self, tag: int, *parts: Bytes, deadline: float | None = None, most: int = 0) -> bytes:
        """Call the wrapper function at `tag` with an argument made of `parts`; returns its result.

        `deadline`: seconds; then ExecutorTimeout. `most`: bytes that the result may have, where that is more than
        `LARGEST_ANSWER`. Raises ExecutorLost when the executor is gone.
        """
        return self.call_with(tag, lambda number: parts, deadline=deadline, most=most)

    def call_with(
        self,
        tag: int,
        make: Callable[[int], tuple[Bytes, ...]],
        *,
        deadline: float | None = None,
        most: int = 0,
    ) -> bytes:
        """As `call`, with an argument that is made from the number of the call."""
        waiting = _Waiting(max(most, LARGEST_ANSWER))
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
        """Wait until a call has its result or has failed; its thread does what comes out of it meanwhile."""
        end = None if deadline is None else time.monotonic() + deadline
        while waiting.result is None and waiting.failure is None:
            if end is not None and time.monotonic() >= end:
                raise ExecutorTimeout(f"a call into the executor took longer than {deadline:g} s")
            if waiting.events.empty() and self._reading.acquire(blocking=False):
                self._read_for(waiting, end)
                continue
            with contextlib.suppress(Empty):
                work = waiting.events.get(timeout=None if end is None else max(end - time.monotonic(), 0))
                if work is not None:
                    work()

    def _read_for(self, waiting: _Waiting, end: float | None) -> None:
        """Read the line, whose lock is held, until there is something for `waiting`; then somebody else may."""
        try:
            self._turns += 1
            if _SEVERAL:
                for _ in range(SPINS):
                    if self._readable.poll(0):
                        break
            while waiting.idle and self._wait_for_bytes(self._readable, end):
                self._read_some()
        finally:
            self._reading.release()
            self._pass_on(waiting)

    def _pass_on(self, done: _Waiting) -> None:
        """Let another call that waits read the line."""
        if len(self._waiting) > (done.failure is None and done.result is None):
            with self._lock:
                other = next((one for one in self._waiting.values() if one is not done), None)
            if other is not None:
                other.events.put(None)

    def _send(self, opcode: int, number: int, tag: int, parts: tuple[Bytes, ...]) -> None:
        views = [memoryview(part).cast("B") for part in parts if len(part)]
        size = HEADER.size + sum(view.nbytes for view in views)
        buffers = [memoryview(HEADER.pack(size, opcode, number, tag)), *views]
        with self._sending:
            if self._closing and opcode != HANGUP:  # the descriptor may be another file's by now
                raise self._lost or ExecutorLost("the executor's line is closed")
            try:
                self._write_all(buffers)
            except OSError:  # who reads finds out what happened
                self._ended.wait(FAREWELL)
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

    # -- reading

    def _listen(self, file: int) -> None:
        """Read the line while nobody does who waits for an answer."""
        readable = select.poll()
        readable.register(file, select.POLLIN)
        turns = 0
        while not self._ended.is_set():
            if turns != self._turns:
                turns = self._turns
                time.sleep(BACK_OFF)
            elif self._wait_for_bytes(readable, None):
                if self._reading.acquire(blocking=False):
                    try:
                        if not self._ended.is_set() and readable.poll(0):
                            self._read_some()
                    finally:
                        self._reading.release()
                else:
                    time.sleep(BACK_OFF)

    def _wait_for_bytes(self, readable: select.poll, end: float | None) -> bool:
        """Wait until something can be read, or the line has ended; False when the time `end` has come."""
        return bool(readable.poll(None if end is None else max(end - time.monotonic(), 0) * 1000))

    def _read_some(self) -> None:
        """Read what has come, and do what whole messages ask. The end of the line, or of sense, ends all calls."""
        try:
            if self._incoming.read():
                while message := self._incoming.take():
                    self._take_message(message)
                return
            lost = ExecutorLost("the executor has ended")
        except ExecutorLost as error:
            lost = error
        except Exception as error:
            lost = ExecutorLost(f"the executor's line broke: {error or type(error).__name__}")
        except BaseException:  # Ctrl-C: bytes may be lost
            self._end(ExecutorLost("a message of the executor was interrupted"))
            raise
        self._end(lost)

    def _end(self, lost: ExecutorLost) -> None:
        """Note why the line is of no use any more; calls that wait fail."""
        if not isinstance(lost, ProtocolError) and self._why is not None and not self._closing:
            lost = self._why(self.last_words)
        with self._lock:
            self._lost = lost = self._lost or lost
            waiting = list(self._waiting.values())
            self._waiting.clear()
        for one in waiting:
            one.failure = lost
            one.events.put(None)
        self._ended.set()

    def _most(self, opcode: int, number: int) -> int:
        """How many bytes a message may carry. Raises ProtocolError for one that may not come now."""
        if (self._setup is None) != (opcode == SETUP):
            what = "a second setup" if self._setup else f"message {opcode} before its setup"
            raise ProtocolError(f"the executor sent {what}")
        if opcode == RESULT:
            waiting = self._waiting.get(number)
            if waiting is None:
                raise ProtocolError(f"the executor answered call {number}, which nobody made")
            return waiting.most
        if opcode in _LARGEST:
            return _LARGEST[opcode]
        raise ProtocolError(f"the executor sent a message of unknown kind {opcode}")

    def _take_message(self, message: Message) -> None:
        number, tag, payload = message.number, message.tag, message.payload
        self.received += HEADER.size + len(payload)
        if message.opcode == SETUP:
            self._take_setup(number, tag, payload)
        elif message.opcode == RESULT:
            self._take_result(number, tag, payload)
        elif message.opcode == CALL:
            self._take_call(number, tag, payload)
        else:
            reader = sps.Reader(payload, "a hangup")
            self.last_words = reader.string().decode(errors="replace") if payload and reader.bool() else ""

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

    def _take_result(self, number: int, tag: int, payload: bytes) -> None:
        with self._lock:
            waiting = self._waiting.pop(number, None) if not tag else None
        if waiting is None:
            raise ProtocolError(f"the executor answered call {number}, which nobody made")
        waiting.result = payload
        waiting.events.put(None)

    def _take_call(self, number: int, tag: int, payload: bytes) -> None:
        """A request; its payload begins with the number of the call that it came out of, if it is the runtime's."""
        handler = self.handlers.get(tag)

        def run() -> None:
            answer = b""
            try:
                if handler is not None:
                    answer = handler(payload)
            except ProtocolError as error:
                self._end(error)
            finally:
                with contextlib.suppress(ExecutorLost):
                    self._send(RESULT, number, 0, (answer,))

        origin = int.from_bytes(payload[:8], "little") if handler is not None else -1
        work = self._requests.count(run)
        with self._lock:
            waiting = self._waiting.get(origin)
        if waiting is not None:
            waiting.events.put(work)
        else:
            self._requests.serve(work)

    # -- the end

    @property
    def lost(self) -> ExecutorLost | None:
        """Why the line is of no use any more; None while it is."""
        if os.getpid() != self._pid:
            return ExecutorLost("the executor belongs to the process that this one was forked from")
        return self._lost

    def close(self) -> None:
        """Say goodbye and end the line; calls that wait raise ExecutorLost. Closing twice does nothing."""
        if self._closing or os.getpid() != self._pid:
            return
        self._closing = True
        if self._lost is None:
            with contextlib.suppress(ExecutorError):
                self._send(HANGUP, 0, 0, ())
        self._shut()
        if threading.current_thread() is not self.listener:
            self.listener.join(FAREWELL)
        self._close_files()

    def _shut(self) -> None:
        """End this side of the line."""
        with contextlib.suppress(OSError):
            if self._shut_down is not None:
                self._shut_down()
            else:
                os.close(self._write)

    def _close_files(self) -> None:
        for one in {self._read} if self._shut_down is None else {self._read, self._write}:
            with contextlib.suppress(OSError):
                os.close(one)
