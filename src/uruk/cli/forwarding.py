"""Signals that `uruk run` gets while a program runs in a child: they are the program's."""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType

from uruk.executor.launch import Child


def forward_signals(child: Child) -> None:
    """Send SIGTERM and SIGINT on to a child, and wait for its end as before.

    Ctrl-C is a SIGINT that the terminal sends to all processes of its foreground group: the child has it already.
    """

    def forward(number: int, frame: FrameType | None) -> None:
        if (number == signal.SIGINT and _in_foreground()) or child.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(number, forward)


def _in_foreground() -> bool:
    """Return True where this process has a terminal, and is in the group that its keys are for."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
