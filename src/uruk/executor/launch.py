"""Executors as child processes: started over two pipes, watched, and asked in the end what became of them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence

from uruk.errors import ExecutorCrashed, ExecutorError, ExecutorLost, ExecutorTimeout
from uruk.executor.connection import FORCE, GRACE, SETUP_PATIENCE, Connection
from uruk.executor.interruption import Interruption

_FATAL = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python ignores, and a fresh process does not."""
_WORD = (1 << 64) - 1
_NEAR = 1 << 16
"""Bytes between the stack pointer and the address of an access that runs into the end of the stack, at most."""
_CRASH = r"uruk-crash ((?:[a-z]+=\w+ ?)+)"


class Child:
    """An executor that this process has started. `resolve` names what lies at an address of linked code.

    `line`: this process's ends of the pipes to it, as inode numbers.
    """

    def __init__(self, pid: int, line: tuple[int, int] = (0, 0)) -> None:
        self.pid = pid
        self.line = line
        self._parent = os.getpid()
        self._lock = threading.RLock()  # reentrant: a destructor may close the executor in the middle
        self.status: int | None = None
        """Its exit status, negative for a signal; None while it runs."""
        self.tls_pool = 0
        """Bytes of optional static thread-local storage that it was started with; 0: not known."""
        self.resolve: Callable[[int], str] = lambda address: ""
        self.removed: Callable[[int], str] = lambda address: ""
        """Names what lay at an address and was removed, though other code refers to it."""

    def poll(self, patience: float = 0.0) -> int | None:
        """Return its status, waiting for at most `patience` seconds."""
        end = time.monotonic() + patience
        pause = 0.0002
        while self._reap() is None and time.monotonic() < end:
            time.sleep(pause)
            # Short pauses serve a child that is about to end, and long ones cost little while another one goes on.
            pause = min(pause * 2, 0.02)
        return self.status

    def _reap(self) -> int | None:
        """Return its status, if it has ended; taken by one thread, known to all."""
        with self._lock:
            if self.status is None:
                try:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:  # other code has waited for all children: the status is lost
                    self.status = 0 if self.status is None else self.status
                else:
                    self.status = os.waitstatus_to_exitcode(status) if pid else None
            return self.status

    def send(self, number: int) -> None:
        """Send it a signal, if it has not ended."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self.status is None:  # its number belongs to no other process before its status is taken
                os.kill(self.pid, number)

    def wait(self) -> int:
        """Wait until it has ended; its status."""
        with contextlib.suppress(ChildProcessError):
            # WNOWAIT leaves the status for `_reap`, which takes it under the lock: no thread waits with that held.
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        status = self._reap()
        return 0 if status is None else status

    def end(self, until: float | None = None, line_ended: bool = True) -> None:
        """End it, by force if it does not end itself until that time, `GRACE` seconds from now by default.

        Where the line has not ended others hold it, a launcher's children: they are ended, too. Only the process that
        has started it can do that.
        """
        if os.getpid() != self._parent:
            return
        left = GRACE if until is None else max(until - time.monotonic(), 0.0)
        if not line_ended:
            self._end_holders(time.monotonic() + FORCE)
        if self.poll(left) is None:
            with self._lock:
                if self.status is None:  # not reaped, so that the number is its own
                    _kill(self.pid)
            self.poll(FORCE)

    def _end_holders(self, end: float) -> None:
        """End the processes that hold the line, and wait for that until the time `end`."""
        from uruk.host import holders_of_pipes  # seldom needed

        while (pids := holders_of_pipes(*self.line)) and time.monotonic() < end:
            for pid in pids:
                _kill(pid)
            time.sleep(0.01)

    def why(self, last_words: str, patience: float = GRACE) -> ExecutorLost:
        """Return what became of it, after its line ended; `last_words` is what it said of a crash."""
        status = self.poll(patience)
        if status is None:
            return ExecutorLost("the executor closed its line, but has not ended")
        facts = crash_facts(last_words)
        if status >= 0 and "code" in facts:  # a process of Windows, whose status has the lower 8 bits of it
            return self._why_exception(facts)
        if status < 0:
            pc, address = facts.get("pc", 0), facts.get("address", 0)
            fault = -status in (signal.SIGSEGV, signal.SIGBUS)
            return ExecutorCrashed(
                -status,
                address,
                pc,
                self.resolve(pc) if pc else "",
                removed=self.removed(address) if fault else "",
                # what lies that close to the stack pointer is the stack's, and readable while there is any left
                stack_overflow=fault and pc != address and "sp" in facts and abs(address - facts["sp"]) < _NEAR,
            )
        return ExecutorLost(f"the executor ended with status {status}")

    def _why_exception(self, facts: Mapping[str, int]) -> ExecutorCrashed:
        from uruk.executor.exception_codes import ACCESS_VIOLATION, STACK_OVERFLOW, name_of_code

        code, pc, address = facts["code"], facts.get("pc", 0), facts.get("address", 0)
        return ExecutorCrashed(
            0,
            address,
            pc,
            self.resolve(pc) if pc else "",
            removed=self.removed(address) if code == ACCESS_VIOLATION else "",
            stack_overflow=code == STACK_OVERFLOW,
            code=code,
            name=name_of_code(code),
        )


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def crash_facts(text: str) -> dict[str, int]:
    """Return the numbers of a crash report (crash.c of runtime/executor/linux, windows); none in any other text."""
    match = re.match(_CRASH, text)
    if match is None:
        return {}
    pairs = (word.partition("=") for word in match[1].split())
    facts: dict[str, int] = {}
    for name, _, value in pairs:
        with contextlib.suppress(ValueError):
            facts[name] = int(value, 0) & _WORD
    return facts


def _pipes() -> tuple[tuple[int, int], tuple[int, int]]:
    """Return two pipes, each as its end to read from and its end to write to."""
    try:
        first = os.pipe()
        try:
            return first, os.pipe()
        except BaseException:
            for file in first:
                os.close(file)
            raise
    except OSError as error:
        hint = "; raise the limit of open files (ulimit -n)" * (error.errno == errno.EMFILE)
        raise ExecutorError(f"no pipes to an executor can be had: {error.strerror}{hint}") from error


@contextlib.contextmanager
def _held(child: Child, files: Sequence[int]) -> Generator[None]:
    """Keep descriptors open that a child opens by their path, until that is done, or it has ended."""
    done = threading.Event()

    def wait() -> None:
        while child.poll() is None and not done.wait(0.01):
            pass
        _close(files)

    thread = threading.Thread(target=wait, name="uruk start", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # the limit of threads, or the interpreter ends
        _close(files)
        raise ExecutorError(f"no thread can be started that waits for an executor: {error}") from error
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def _closed(child: Child, files: Sequence[int]) -> Generator[None]:
    """Close descriptors that the child has inherited."""
    _close(files)
    yield


def _close(files: Sequence[int]) -> None:
    for file in files:
        os.close(file)


def start(
    command: Sequence[str],
    words: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    patience: float = SETUP_PATIENCE,
    starting: Interruption | None = None,
    streams: Sequence[int] = (),
    inherits: bool = True,
) -> tuple[Child, Connection]:
    """Start an executor: `command` with ``filedescs=R,W`` and `words` behind it. Raises ExecutorError if it cannot.

    The child has this process's standard streams, or `streams` (three descriptors), its environment unless another one
    is given, and no ignored signals.
    `starting` learns how to end it. A child that does not inherit R and W opens those of this process, by its number.
    """
    (to_read, child_writes), (child_reads, to_write) = _pipes()
    files = [to_read, child_writes, child_reads, to_write]
    child = None
    try:
        # those of a child that inherits nothing are held by others, too: the server of its system
        line = (os.fstat(to_read).st_ino, os.fstat(to_write).st_ino) if inherits else (0, 0)
        child = Child(_launch(command, (child_reads, child_writes), words, environment, streams, inherits), line)
        files.clear()  # the connection owns two of them
        with (_closed if inherits else _held)(child, (child_reads, child_writes)):
            return child, Connection(to_read, to_write, child, patience=patience, starting=starting)
    except ExecutorTimeout:  # which is a TimeoutError, and so an OSError, too
        raise
    except OSError as error:
        raise ExecutorError(f"cannot start the executor {command[0]}: {error.strerror}") from error
    except ExecutorError:
        if child is not None:
            child.end()
        raise
    finally:
        _close(files)


def _launch(
    command: Sequence[str],
    line: tuple[int, int],
    words: Sequence[str],
    environment: Mapping[str, str] | None,
    streams: Sequence[int],
    inherits: bool,
) -> int:
    """Start a process that has these two descriptors, if it inherits them, and standard streams; its number."""
    full = [*command, f"filedescs={line[0]},{line[1]}", *words]
    # copies above 2: to put one stream in its place must not overwrite one that comes after it
    copies: list[int] = []
    try:
        if streams:
            from fcntl import F_DUPFD_CLOEXEC, fcntl  # not every system has it

            if min(line) < 3:
                raise ExecutorError("this process has closed its standard streams: the executor can have no others")
            copies.extend(fcntl(stream, F_DUPFD_CLOEXEC, 3) for stream in streams)
        return os.posix_spawnp(
            full[0],
            full,
            dict(os.environ) if environment is None else environment,
            # onto themselves: that lets exactly these two through to the child
            file_actions=[
                *((os.POSIX_SPAWN_DUP2, copy, place) for place, copy in enumerate(copies)),
                *((os.POSIX_SPAWN_DUP2, descriptor, descriptor) for descriptor in (line if inherits else ())),
            ],
            # Ignored signals stay ignored through exec (POSIX, "exec").
            setsigdef=_FATAL,
        )
    except OSError as error:
        hint = "; give it a launcher that runs programs of that kind, such as qemu" * (error.errno == errno.ENOEXEC)
        raise ExecutorError(f"cannot start the executor {full[0]}: {error.strerror}{hint}") from error
    finally:
        for copy in copies:
            os.close(copy)
