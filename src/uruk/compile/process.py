"""Running a compiler: a child with a folder of its own, that can be stopped, and of which nothing stays behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from uruk.errors import CompileError

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_LAST_WORDS = 1.0
"""Seconds within which the children of a driver that was killed must be gone."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Ended:
    """A command that has ended: `status` is negative for a signal; `out` are bytes, `err` is text to show."""

    status: int
    out: bytes
    err: str


class Processes:
    """The commands of one job: `stop` ends them all, and no more are started."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.stopped = False

    def stop(self) -> None:
        """End everything that runs, from any thread; `run` raises CompileError there."""
        with self._lock:
            self.stopped = True
            for process in self._running:
                _kill(process)

    def run(
        self,
        command: Sequence[str],
        file: str,
        shown: str,
        data: bytes = b"",
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run `command` with `data` as its input. `file` is the source that it is for, and `shown` what to call it.

        Raises CompileError when the command cannot be started, takes more than `timeout` seconds, or was stopped.
        """
        process = self._start(command, file, shown, environment)
        try:
            out, err = process.communicate(data, timeout)
            status = process.wait()
        except subprocess.TimeoutExpired:
            problem = f"not done within {timeout:g} s, and stopped: give it more time with timeout="
            raise CompileError(file, shown, problem) from None
        finally:
            with self._lock:
                self._running.discard(process)
            if process.returncode is None:  # also for KeyboardInterrupt
                _kill(process)
                with contextlib.suppress(subprocess.TimeoutExpired, ValueError):
                    process.communicate(timeout=_LAST_WORDS)  # its children end when the pipes do
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None and not pipe.closed:
                    _close(pipe)
        if self.stopped:
            raise CompileError(file, shown, "stopped")
        return Ended(status, out, plain(err.decode("utf-8", "backslashreplace")))

    def _start(
        self, command: Sequence[str], file: str, shown: str, environment: Mapping[str, str] | None
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self.stopped:
                raise CompileError(file, shown, "stopped")
            try:
                # A session of its own: the driver's children can be ended with it, and Ctrl-C comes by us.
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=environment,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:  # ValueError: a null byte in a word
                raise CompileError(file, shown, f"cannot be started: {error}") from error
            self._running.add(process)
            return process


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _close(pipe: IO[bytes]) -> None:
    with contextlib.suppress(OSError):  # input that the command did not take
        pipe.close()


def plain(text: str) -> str:
    """Return text for any terminal: no colours, no links, and control characters (sources are anybody's) escaped."""
    text = _ESCAPE.sub("", text)
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def private_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a context manager with a temporary folder for one compilation.

    Raises CompileError where none can be had.
    """
    try:
        return tempfile.TemporaryDirectory(prefix="uruk-", ignore_cleanup_errors=True)
    except OSError as error:
        raise CompileError(
            "temporary folder", "uruk", f"{error}; set TMPDIR to a folder that can be written"
        ) from error
