"""Signals that `uruk run` gets while a program runs in a child: they are the program's."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from uruk.errors import ExecutorError
from uruk.executor.launch import Child

FORWARDED = (signal.SIGTERM, signal.SIGINT)


def forward_signals(child: Child) -> None:
    """Send SIGTERM and SIGINT on to a child, and wait for its end as before. Does nothing outside the main thread.

    A thread sends them. A handler in Python runs when the main thread next executes Python code, which can be never: a
    signal that comes just before that thread begins to wait for the child does not end the wait. Raises ExecutorError.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    to_read, to_write = os.pipe()
    os.set_blocking(to_write, False)
    signal.set_wakeup_fd(to_write, warn_on_full_buffer=False)
    for number in FORWARDED:
        signal.signal(number, _leave_to_thread)
    thread = threading.Thread(target=_forward, args=(child, to_read), name="uruk signals", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise ExecutorError(f"no thread can be started that sends signals on: {error}") from error


def _leave_to_thread(number: int, frame: FrameType | None) -> None:
    """Handle a signal whose number is in the pipe already."""


def _forward(child: Child, numbers: int) -> None:
    """Send on the signals whose numbers, a byte each, come out of a pipe.

    Ctrl-C is a SIGINT that the terminal sends to all processes of its foreground group: the child has it already.
    """
    while data := os.read(numbers, 1):
        number = data[0]
        if number in FORWARDED and not (number == signal.SIGINT and _in_foreground()):
            child.send(number)


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
