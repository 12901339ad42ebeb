"""Signals whose handlers raise, such as Ctrl-C, while something is started that must not be left behind half made."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], object]

# The functions that `signal` wraps: its own make enumerations of what they are given and return, which takes 100 us for
# all signals, where these need 15.
_handlers: Any = import_module("_signal")
_NUMBERS = range(1, signal.NSIG)


class Interruption:
    """Notes what handlers raise: it is raised when the start is over, and given up.

    `once`: only the first time; what a handler raises after that is raised at once.
    """

    def __init__(self, once: bool = False) -> None:
        self._once = once
        self.error: BaseException | None = None
        """The exception that a handler has raised."""
        self._stop: Callable[[], None] | None = None

    def call(self, stop: Callable[[], None]) -> None:
        """Have `stop`, which must not wait, called as soon as a handler raises: what waits then stops waiting."""
        self._stop = stop
        # The handler may have raised before anybody said how to stop.
        if self.error is not None:
            stop()

    def around(self, handler: Handler) -> Handler:
        """Return a handler that runs another one, and raises nothing."""

        def run(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except BaseException as error:
                if self._once and self.error is not None:
                    raise
                self.error = error
                if self._stop is not None:
                    self._stop()

        return run


@contextmanager
def deferred(*, once: bool = False) -> Generator[Interruption, None, None]:
    """Defer what handlers of signals raise until the end; the last exception is raised then.

    `once`: a second Ctrl-C is not deferred, for work that may wait for long. Handlers in Python run in the main thread
    alone: in others nothing is to be done.
    """
    interruption = Interruption(once)
    before: dict[int, Handler] = {}
    if threading.current_thread() is threading.main_thread():
        # A handler that is a number (SIG_DFL, SIG_IGN) or None (set by C) raises nothing in Python.
        handlers: list[Any] = list(map(_handlers.getsignal, _NUMBERS))
        before = {number: handler for number, handler in zip(_NUMBERS, handlers, strict=True) if callable(handler)}
    try:
        for number, handler in before.items():
            _handlers.signal(number, interruption.around(handler))
        yield interruption
    finally:
        for number in sorted(before, key=lambda number: number == signal.SIGINT):  # the likeliest is back last
            _handlers.signal(number, before[number])
        if interruption.error is not None:
            raise interruption.error
