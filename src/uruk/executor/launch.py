"""Executors as child processes: started over two pipes, watched, and asked in the end what became of them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from uruk.errors import ExecutorCrashed, ExecutorError, ExecutorLost
from uruk.executor.connection import SETUP_PATIENCE, Connection

GRACE = 2.0
"""Seconds that a child whose line has ended may take to end itself."""
_FATAL = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that Python ignores, and a fresh process does not."""
_CRASH = re.compile(r"uruk-crash ((?:[a-z]+=\w+ ?)+)")


class Child:
    """An executor that this process has started. `resolve` names what lies at an address of linked code."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._parent = os.getpid()
        self._lock = threading.Lock()
        self.status: int | None = None
        """Its exit status, negative for a signal; None while it runs."""
        self.resolve: Callable[[int], str] = lambda address: ""

    def poll(self, patience: float = 0.0) -> int | None:
        """Its status, waiting for at most `patience` seconds."""
        end = time.monotonic() + patience
        pause = 0.0002
        while self._reap() is None and time.monotonic() < end:
            time.sleep(pause)
            pause = min(pause * 2, 0.02)
        return self.status

    def _reap(self) -> int | None:
        """Its status, if it has ended; taken by one thread, known to all."""
        with self._lock:
            if self.status is None:
                try:
                    pid, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:  # somebody else has waited for all children: nobody knows any more
                    self.status = 0
                else:
                    self.status = os.waitstatus_to_exitcode(status) if pid else None
            return self.status

    def wait(self) -> int:
        """Wait until it has ended; its status."""
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        status = self._reap()
        return 0 if status is None else status

    def end(self) -> None:
        """End it, by force if it does not end itself within `GRACE`; only the process that has started it can."""
        if os.getpid() != self._parent:
            return
        if self.poll(GRACE) is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def why(self, last_words: str) -> ExecutorLost:
        """What became of it, after its line ended; `last_words` is what it said of a crash."""
        status = self.poll(GRACE)
        if status is None:
            return ExecutorLost("the executor closed its line, but has not ended")
        if status < 0:
            facts = crash_facts(last_words)
            pc = facts.get("pc", 0)
            return ExecutorCrashed(-status, facts.get("address", 0), pc, self.resolve(pc) if pc else "")
        return ExecutorLost(f"the executor ended with status {status}")


def crash_facts(text: str) -> dict[str, int]:
    """The numbers of a crash report (runtime/executor/crash.c); none in any other text."""
    found = _CRASH.match(text)
    if found is None:
        return {}
    pairs = (word.partition("=") for word in found[1].split())
    facts: dict[str, int] = {}
    for name, _, value in pairs:
        with contextlib.suppress(ValueError):
            facts[name] = int(value, 0)
    return facts


def _pipes() -> tuple[tuple[int, int], tuple[int, int]]:
    """Two pipes, each as its end to read from and its end to write to."""
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


def start(
    command: Sequence[str],
    words: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    patience: float = SETUP_PATIENCE,
) -> tuple[Child, Connection]:
    """Start an executor: `command` with ``filedescs=R,W`` and `words` behind it. Raises ExecutorError if it cannot.

    The child has this process's standard streams, its environment unless another one is given, and no ignored signals.
    """
    (to_read, child_writes), (child_reads, to_write) = _pipes()
    full = [*command, f"filedescs={child_reads},{child_writes}", *words]
    try:
        pid = os.posix_spawnp(
            full[0],
            full,
            dict(os.environ) if environment is None else environment,
            # onto themselves: that lets exactly these two through to the child
            file_actions=[(os.POSIX_SPAWN_DUP2, one, one) for one in (child_reads, child_writes)],
            setsigdef=_FATAL,
        )
    except OSError as error:
        for one in (to_read, to_write):
            os.close(one)
        hint = "; give it a launcher that runs programs of that kind, such as qemu" * (error.errno == errno.ENOEXEC)
        raise ExecutorError(f"cannot start the executor {full[0]}: {error.strerror}{hint}") from error
    finally:
        os.close(child_reads)
        os.close(child_writes)
    child = Child(pid)
    try:
        return child, Connection(to_read, to_write, child.why, patience=patience)
    except ExecutorError:
        child.end()
        raise
