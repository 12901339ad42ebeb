"""The end of a command that ran a program: it ends as the program did."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

from uruk.errors import ExecutorCrashed, ExecutorLost

FAULTS = ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")
"""Signals of which a message says where the program was."""


def end_as(status: int, lost: ExecutorLost | None, name: str) -> NoReturn:
    """End this process as a program did: with its exit status, or by the signal -`status`.

    `lost` says how its process ended; a fault is reported on standard error, behind `name`.
    """
    if status < 0:
        _die(-status, lost, name)
    if isinstance(lost, ExecutorCrashed):  # on a system whose crashes have a status
        print(f"{name}: {type(lost).__name__}: {lost}", file=sys.stderr)
    end(status)


def end(status: int) -> NoReturn:
    """End without taking the interpreter down piece by piece: nothing was run that would need it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _die(number: int, lost: ExecutorLost | None, name: str) -> None:
    """End by a signal, after a message where that was a fault of the program's code."""
    import signal  # its enumerations take longer to make than the rest of a tool's end

    if number in {getattr(signal, name) for name in FAULTS}:
        lost = lost if isinstance(lost, ExecutorCrashed) else ExecutorCrashed(number)
        print(f"{name}: {type(lost).__name__}: {lost}", file=sys.stderr)
        sys.stderr.flush()
    import resource  # not every system has it

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    with contextlib.suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
