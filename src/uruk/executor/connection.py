"""One connection to an executor: frames of LLVM's SimpleRemoteEPC over two descriptors.

Calls of both sides share the line, each side numbering its own. One of the threads that wait for answers reads the
line, and hands the others what is theirs. A request of the executor goes to the thread whose call it came from, which
may hold locks that the request needs, or else to a thread of its own. While no call waits, the listener reads. Every
message is checked; what is wrong ends the connection, and with it all calls that wait.

The listener sees to the end, too: no signal's handler interrupts it, and it is there when no thread can be started any
more, as an interpreter ends. So the end comes in time, whatever the other threads wait for.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Empty
from typing import Protocol

from uruk.errors import ExecutorError, ExecutorLost, ExecutorTimeout, ProtocolError
from uruk.executor.incoming import HEADER, Incoming, Message
from uruk.executor.interruption import Interruption
from uruk.executor.locks import awaited_thread, in_the_middle, inner_lock, ownership
from uruk.executor.messages import CALL, HANGUP, LARGEST, LARGEST_ANSWER, RESULT, SETUP, Setup, read_hangup, read_setup
from uruk.executor.outgoing import Outgoing
from uruk.executor.pending_calls import PendingCalls, WaitingCall
from uruk.executor.requests import Requests
from uruk.executor.turn import Turn

SETUP_PATIENCE = 30.0
"""Seconds that a new executor may take until it says what it is."""
END_TIMEOUT = 3.5
"""Seconds that the end of a session may take, finalisers and the end of the process included; then it is forced."""
GRACE = 2.0
"""Seconds that a child whose line has ended may take to end itself."""
FORCE = 1.0
"""Seconds that a forced end may take."""
BACK_OFF = 0.001
"""Seconds that the listener leaves the line to threads that wait for answers, before it looks again."""
SPINS = 40
"""The number of looks for an answer before its thread sleeps: about as long as it takes to wake up."""
_SMALL = 1024
"""Bytes of a message that is copied before it is sent."""
_SEVERAL = len(os.sched_getaffinity(0)) > 1  # processors

Bytes = bytes | bytearray | memoryview
Handler = Callable[[bytes], bytes]


class Peer(Protocol):
    """The process at the other end of a line."""

    def why(self, last_words: str, patience: float) -> ExecutorLost:
        """Return what became of it, whose line has ended; waits for at most `patience` seconds."""
        ...

    def end(self, until: float, line_ended: bool) -> None:
        """See to it that it ends, by force when the time `until` has come."""
        ...


class Connection:
    """A line to an executor. `read_from` and `write_to` are descriptors, which it owns from now on.

    `handlers` answers requests: by the address of a tag in the executor's memory. `peer` is the process, where this one
    has started it; `shut_down` ends a socket's line. `patience`: seconds for the executor's first message. Raises
    ProtocolError where the other side is not an executor, ExecutorTimeout where it says nothing.
    """

    def __init__(
        self,
        read_from: int,
        write_to: int,
        peer: Peer | None = None,
        *,
        shut_down: Callable[[], None] | None = None,
        patience: float = SETUP_PATIENCE,
        starting: Interruption | None = None,
    ) -> None:
        self.handlers: dict[int, Handler] = {}
        self.sent = self.received = 0
        """Bytes on the line so far, in each direction."""
        self.deadline: float | None = None
        """Seconds that any call may take; None: for ever."""
        self.last_words = ""
        """The text that the executor sent when it hung up."""
        self._read = read_from
        self._peer = peer
        self._write = write_to if shut_down is not None else -1
        self._calls = PendingCalls()
        self._leaving: dict[int, WaitingCall] = {}  # calls whose threads have stopped waiting, until that is noted
        self._closing = False
        self.runs_program = False
        """A program was begun there, with which the process ends: that is no loss to speak of."""
        self._end_at: float | None = None
        self._pid = os.getpid()
        self._setup: Setup | None = None
        self._greeted = threading.Event()
        self._ended = threading.Event()  # nothing comes any more
        self._wanted_close = threading.Event()
        self._over = threading.Event()  # the descriptors are closed, and the process has ended
        self._wake_lock = inner_lock()  # taken by handlers of signals, too
        self._wake = _event((read_from, write_to))
        self._out = Outgoing(write_to, self._wake, self._ended.is_set, shut_down, self._holders)
        self._reading = Turn(self._holders)  # its holder reads the line
        self._turns = 0  # of threads that read for themselves
        self._incoming = Incoming(read_from, self._most)
        self._unfinished = False  # the turn's holder is in the middle of reading, or was interrupted there
        self._broken: ExecutorLost | None = None  # why the line is about to be ended
        self._requests = Requests()
        self._handed_over: deque[Callable[[], None]] = deque()  # requests that the listener is to have served
        self._readable = self._poll()
        self._has_lock = (self._calls.is_mine, self._requests.is_mine, ownership(self._wake_lock))
        self.listener = threading.Thread(target=self._listen, name="uruk executor", daemon=True)
        self._take_first_message(patience, starting)

    def _take_first_message(self, patience: float, starting: Interruption | None) -> None:
        if starting is not None:
            starting.call(self.interrupt)
        try:
            self.listener.start()
        except RuntimeError as error:  # the limit of threads, or the interpreter ends
            self._closing = True
            self._finish()
            raise ExecutorError(f"no thread can be started that listens to an executor: {error}") from error
        try:
            greeted = self._greeted.wait(patience)
            if self._setup is None:
                if not greeted:
                    raise ExecutorTimeout(f"the executor said nothing within {patience:g} s")
                raise (self._calls.failure or ProtocolError("the executor said nothing of itself")).again()
            self.setup = self._setup
        except BaseException:
            self.close(GRACE)
            raise

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
        """Call as `call` does, with an argument that is made from the number of the call."""
        if self.deadline is not None:
            deadline = self.deadline if deadline is None else min(deadline, self.deadline)
        end = None if deadline is None else time.monotonic() + deadline
        self.check_calls()
        number, waiting = self._calls.begin(max(most, LARGEST_ANSWER), end)
        self._check()
        try:
            if not (self._send(CALL, number, tag, make(number), end) and self._wait(waiting, end)):
                raise ExecutorTimeout(f"a call into the executor took longer than {deadline:g} s")
        except BaseException:
            self._give_turns_back()
            self._rouse()  # the listener finishes what was interrupted
            raise
        finally:
            self._leaving[number] = waiting  # first: from here on the listener does what Ctrl-C interrupts
            self._stop_waiting(number, waiting)
        if waiting.failure is not None:
            raise waiting.failure.again()
        assert waiting.result is not None
        return waiting.result

    def check_calls(self) -> None:
        """Raise ExecutorError where a call would come in the middle of another one of its thread, or of reading.

        A turn alone does not say so: a thread that was interrupted twice may have left it behind, and gives it back
        here.
        """
        calls, requests, waking = self._has_lock
        within = calls() or requests() or waking() or threading.current_thread() is self.listener
        has_turn = self._reading.is_mine() or self._out.turn.is_mine()
        frame = sys._getframe() if has_turn else None  # pyright: ignore[reportPrivateUsage]
        while frame is not None and not within:
            within = frame.f_code in self._holders and frame.f_locals["self"] is self
            frame = frame.f_back
        if within:
            raise ExecutorError(in_the_middle("calls into an executor"))
        if has_turn:
            self._give_turns_back()

    def _give_turns_back(self) -> None:
        self._reading.recover()
        self._out.turn.recover()

    def is_pending(self, number: int) -> bool:
        """Return True for a call whose result may still come, also where its caller was interrupted."""
        return self._calls.is_pending(number)

    def _stop_waiting(self, number: int, waiting: WaitingCall) -> None:
        """Note that no thread waits for a call any more."""
        try:
            self._let_go(number, waiting)
        except BaseException:
            self._rouse()
            raise

    def _let_go(self, number: int, waiting: WaitingCall) -> None:
        """Have the result of a call that is left dropped, and requests that came out of it served by other threads.

        The listener does it again where it was interrupted.
        """
        self._calls.give_up(number, waiting)
        if waiting.failure is None:
            for work in list(waiting.requests):  # each is done once
                self._serve(work)
        self._leaving.pop(number, None)

    def _serve(self, work: Callable[[], None]) -> None:
        """Do the work of a request in a thread of its own; the line ends where none can be had.

        A signal's handler that raises in a thread's start breaks it (`threading.Thread.start` waits for a Condition),
        so that the main thread leaves it to the listener.
        """
        if threading.current_thread() is threading.main_thread():
            self._handed_over.append(work)
            self._rouse()
            return
        try:
            self._requests.serve(work)
        except RuntimeError as error:
            self._end(ExecutorLost(f"no thread can be started that answers the executor: {error}"), ask=False)

    def _finish_for_others(self) -> None:
        """Do what the main thread has left to the listener, and what Ctrl-C has interrupted there."""
        for number, waiting in list(self._leaving.items()):
            self._let_go(number, waiting)
        while self._handed_over:
            self._serve(self._handed_over.popleft())

    def _check(self) -> None:
        """Raise an error of its own for each call that comes after the end."""
        lost = self.lost
        if lost is not None:
            raise lost.again(gone=True) from lost

    def _wait(self, waiting: WaitingCall, end: float | None) -> bool:
        """Wait until a call has its result or has failed; its thread does what comes out of it meanwhile.

        False when the time `end` comes before.
        """
        while waiting.result is None and waiting.failure is None:
            if end is not None and time.monotonic() >= end:
                return False
            # A request that waits goes first: code in the executor may hold a lock until it is answered.
            if waiting.events.empty() and self._read_for(waiting, end):
                continue
            with contextlib.suppress(Empty):
                work = waiting.events.get(timeout=None if end is None else max(end - time.monotonic(), 0))
                if work is not None:
                    work()
                    waiting.requests.popleft()
        return True

    def _read_for(self, waiting: WaitingCall, end: float | None) -> bool:
        """Read the line until there is something for `waiting`; then another thread may. False where one reads now."""
        # The turn is taken within this frame, which is how `check_calls` tells that it is not left behind.
        if not self._reading.take_at_once():
            return False
        try:
            # The listener sees by this number that a thread reads, and leaves the line alone.
            self._turns += 1
            ready: list[tuple[int, int]] = []
            if _SEVERAL:
                for _ in range(SPINS):
                    if self._unfinished or (ready := self._readable.poll(0)):
                        break
            while waiting.idle and (self._unfinished or (ready := ready or self._readable.poll(_milliseconds(end)))):
                if self._unfinished or self._names_line(ready):
                    self._read_some()
                ready = []
                if end is not None and time.monotonic() >= end:  # before the line is empty: it may never be
                    break
        finally:
            self._reading.give()
            self._calls.wake_another(waiting)
        return True

    def _send(
        self,
        opcode: int,
        number: int,
        tag: int,
        parts: tuple[Bytes, ...],
        end: float | None = None,
        written: list[int] | None = None,
    ) -> bool:
        """Write a message; False where the time `end` came first. Half a message ends the line.

        `written`: see `Outgoing.send`.
        """
        size = HEADER.size
        for part in parts:  # len() counts elements, which only a memoryview may have of other sizes
            size += part.nbytes if isinstance(part, memoryview) else len(part)
        header = HEADER.pack(size, opcode, number, tag)
        if size < _SMALL:  # one buffer costs less than several, if there is little to copy
            whole = [memoryview(b"".join((header, *parts)))]
        else:
            whole = [memoryview(header), *[memoryview(part).cast("B") for part in parts if len(part)]]
        try:
            sent = self._out.send(whole, end, written)
        except OSError:  # the thread that reads finds out what happened
            self._ended.wait(END_TIMEOUT)
            self._end(ExecutorLost("the executor has closed its side of the line"), ask=False)
            raise (self._calls.failure or ExecutorLost("the executor's line is closed")).again() from None
        finally:
            if self._out.broken and self._out.turn.take_at_once():  # not by another thread, which is at it
                try:
                    self._end(ExecutorLost("a message to the executor was cut short"), ask=False)
                finally:
                    self._out.turn.recover()
        self.sent += size if sent else 0
        return sent

    _holders = frozenset((_read_for.__code__, _send.__code__))
    """The code that has a turn while it reads or writes for a call."""

    # -- reading

    def _poll(self) -> select.poll:
        """Return what waits for the line, and for whatever else is to be seen to."""
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        return poll

    @awaited_thread()
    def _listen(self) -> None:
        """Read the line while no thread that waits for an answer does; see to its end."""
        everything = self._poll()
        turns = 0
        while not (self._ended.is_set() and self._closing) and not self._time_is_over():
            # The goodbye is sent from here, as the thread that closes may be held up by a signal's handler.
            if self._closing and self._out.is_open:
                self._out.close(HEADER.pack(HEADER.size, HANGUP, 0, 0), self._end_at or 0.0)
            self._finish_for_others()
            if self._ended.is_set():
                self._wanted_close.wait(1.0)
            elif turns != self._turns:
                turns = self._turns
                time.sleep(BACK_OFF)
            elif self._rest(everything) or self._unfinished:
                if self._reading.take_at_once():
                    try:
                        if not self._ended.is_set() and (self._unfinished or self._has_bytes()):
                            self._read_some()
                    finally:
                        self._reading.give()
                else:
                    time.sleep(BACK_OFF)
                    self._reading.take_from_the_gone()
        self._finish()

    def _rest(self, poll: select.poll) -> bool:
        """Wait until there is something to do; True where it is something on the line."""
        ready = [file for file, _ in poll.poll(_milliseconds(self._end_at))]
        if self._wake in ready and not self._ended.is_set():  # at the end it stays as it is, for all threads that wait
            os.eventfd_read(self._wake)
        return self._read in ready

    def _has_bytes(self) -> bool:
        """Return True where something can be read now, or the line has ended."""
        return self._names_line(self._readable.poll(0))

    def _names_line(self, ready: list[tuple[int, int]]) -> bool:
        """Return True where the line is among what a poll has found."""
        return self._read in dict(ready)  # in each call: a generator costs as much as the poll

    def _read_some(self) -> None:
        """Read what has come, and do what whole messages ask. The end of the line, or of sense, ends all calls.

        Where a signal's handler raises in the middle, the next that reads goes on there.
        """
        incoming, resumed = self._incoming, self._unfinished
        self._unfinished = True
        try:
            again = incoming.message
            if self._broken is None and ((resumed and not incoming.has_uncounted) or incoming.read()):
                while message := incoming.take():
                    self._take_message(message, message is again)
                    incoming.drop()
                self._unfinished = False
                return
            self._broken = self._broken or ExecutorLost("the executor has ended")
        except ExecutorLost as error:
            self._broken = error
        except Exception as error:
            self._broken = ExecutorLost(f"the executor's line broke: {error or type(error).__name__}")
        self._end(self._broken)
        self._unfinished = False

    def _end(self, lost: ExecutorLost, *, ask: bool = True) -> None:
        """Note why the line is of no use any more, `ask` its process for that; calls that wait fail. Once."""
        if self._closing and not isinstance(lost, ProtocolError):
            lost = ExecutorLost("the executor was closed")
        elif ask and not isinstance(lost, ProtocolError) and self._peer is not None:
            left = GRACE if self._end_at is None else self._end_at - time.monotonic()
            # The end of a line says nothing of its cause, which the status of the process does.
            lost = self._peer.why(self.last_words, min(GRACE, max(left, 0.0)))
        if self._calls.failure is None and not (self._closing or self.runs_program):
            from uruk.reporting import logger  # seldom needed

            logger().warning("an executor is lost: %s", lost)
        # The failure is known before the event is set: a thread that it wakes finds the failure.
        self._calls.fail(lost)
        self._ended.set()
        self._greeted.set()
        self._rouse()

    def _most(self, opcode: int, number: int) -> int:
        """Return how many bytes a message may carry. Raises ProtocolError for one that may not come now."""
        if (self._setup is None) != (opcode == SETUP):
            problem = "a second setup" if self._setup else f"message {opcode} before its setup"
            raise ProtocolError(f"the executor sent {problem}")
        if opcode == RESULT:
            return self._calls.largest_result(number)
        if opcode in LARGEST:
            return LARGEST[opcode]
        raise ProtocolError(f"the executor sent a message of unknown kind {opcode}")

    def _take_message(self, message: Message, again: bool) -> None:
        """Do what a message asks; `again` where a thread that was interrupted may have done so already."""
        number, tag, payload = message.number, message.tag, message.payload
        if not again:
            self.received += HEADER.size + len(payload)
        if message.opcode == SETUP:
            self._setup = read_setup(number, tag, payload)
            self._greeted.set()
        elif message.opcode == RESULT:
            self._calls.take_result(number, tag, payload, again)
        elif message.opcode == CALL:
            self._take_call(message)
        else:
            self.last_words = read_hangup(payload)

    def _take_call(self, message: Message) -> None:
        """Take a request; its payload begins with the number of the call that it came out of, if it is the runtime's.

        It is taken twice where the first thread was interrupted, and done once.
        """
        number, tag, payload = message.number, message.tag, message.payload
        handler = self.handlers.get(tag)
        origin = int.from_bytes(payload[:8], "little") if handler is not None else -1

        begun: list[bool] = []
        answer: list[bytes] = []
        written: list[int] = []

        def run() -> None:
            try:
                if handler is not None and not begun:
                    begun.append(True)
                    answer.extend(map(handler, (payload,)))
            except ProtocolError as error:
                self._end(error)
            finally:  # an answer that is not written yet is, whatever ended the function, or the answering
                if not written:
                    self._answer(number, answer[0] if answer else b"", origin, written)

        work = message.work = message.work or self._requests.count(message, run, written)
        if not self._calls.hand_over(origin, work):
            self._serve(work)

    def _answer(self, number: int, answer: bytes, origin: int, written: list[int]) -> None:
        """Answer a request that came out of the call `origin`, not beyond its time: then another thread does.

        `written` gets the number of bytes in the step in which they are written.
        """
        waiting = self._calls.of(origin)
        with contextlib.suppress(ExecutorLost):
            end = waiting.end if waiting is not None else None
            if not self._send(RESULT, number, 0, (answer,), end, written):
                self._serve(lambda: self._answer(number, answer, -1, []))
                written.append(0)

    # -- the end

    @property
    def lost(self) -> ExecutorLost | None:
        """Why the line is of no use any more; None while it is."""
        if os.getpid() != self._pid:
            return ExecutorLost("the executor belongs to the process that this one was forked from")
        return self._calls.failure

    def end_within(self, seconds: float) -> None:
        """Let the line last for so many seconds at most; then its process is ended by force. It is never prolonged."""
        if os.getpid() != self._pid:
            return
        end = time.monotonic() + seconds
        if self._end_at is None or end < self._end_at:
            self._end_at = end
        self._rouse()

    def interrupt(self) -> None:
        """End the line, within a moment. For handlers of signals: it waits for nothing."""
        self._closing = True
        self.end_within(FORCE)

    def close(self, seconds: float = END_TIMEOUT) -> None:
        """Say goodbye and end the line, and the process where it is a child; after `seconds`, by force.

        Returns when that is done. Calls that wait raise ExecutorLost. Closing twice does nothing.
        """
        if os.getpid() != self._pid:
            return
        self._closing = True
        self.end_within(seconds)
        self._wanted_close.set()
        if threading.current_thread() is not self.listener:
            self._over.wait(seconds + 2 * FORCE)

    def wait_for_end(self, seconds: float) -> None:
        """Wait until all that the executor said has been read, as its line has ended; for `seconds` at most."""
        self._ended.wait(seconds)

    def _time_is_over(self) -> bool:
        return self._end_at is not None and time.monotonic() >= self._end_at

    def _rouse(self) -> None:
        """Wake the thread that waits for the line."""
        with self._wake_lock:
            if self._wake >= 0:
                os.eventfd_write(self._wake, 1)

    def _finish(self) -> None:
        """End everything: the listener's last deed."""
        self._end(ExecutorLost("the executor had not ended in time, and was ended by force"), ask=False)
        end = time.monotonic() + FORCE
        self._out.close(b"", end)
        if self._peer is not None:
            self._peer.end(self._end_at or 0.0, self._incoming.at_end)
        if self._reading.take(end):  # a thread that reads leaves the line now
            self._reading.keep()
            for file in (self._read, self._write):
                if file >= 0:
                    with contextlib.suppress(OSError):
                        os.close(file)
        with self._wake_lock:
            # The number is gone before it is closed: `_rouse` must not write to a file that has it next.
            wake, self._wake = self._wake, -1
            os.close(wake)
        self._over.set()


def _event(line: tuple[int, int]) -> int:
    """Return a descriptor that becomes readable; where none can be had, those of `line` are closed."""
    try:
        return os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
    except OSError as error:
        for file in line:
            os.close(file)
        hint = "; raise the limit of open files (ulimit -n)" * (error.errno == errno.EMFILE)
        raise ExecutorError(f"no descriptor for an executor's line can be had: {error.strerror}{hint}") from error


def _milliseconds(end: float | None) -> float | None:
    """Return how long poll() may wait until the time `end`."""
    return None if end is None else max(end - time.monotonic(), 0) * 1000
