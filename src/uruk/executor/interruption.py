"""Signals whose handlers raise, such as Ctrl-C, while something is started that must not be left behind half made."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from importlib import import_module
from itertools import compress
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], object]

# The functions that `signal` wraps: its own make enumerations of what they are given and return, which takes 100 us for
# all signals, where these need 5.
_handlers: Any = import_module("_signal")
_NUMBERS = range(1, signal.NSIG)


def _in_python() -> dict[int, Handler]:
    """Return the handlers in Python, by signal: that of SIGINT, the likeliest, is last."""
    # A handler that is a number (SIG_DFL, SIG_IGN) or None (set by C) raises nothing in Python. No line of Python for
    # each of 64 signals, as removing one small object would mostly be that.
    handlers: list[Any] = list(map(_handlers.getsignal, _NUMBERS))
    found: dict[int, Handler] = dict(compress(zip(_NUMBERS, handlers, strict=True), map(callable, handlers)))
    if signal.SIGINT in found:
        found[signal.SIGINT] = found.pop(signal.SIGINT)
    return found


class Interruption:
    """Notes what handlers raise in a `with` block: it is raised at the end; see `deferred`."""

    def __init__(self, once: bool) -> None:
        self._once = once
        self.error: BaseException | None = None
        """The exception that a handler has raised."""
        self._stop: Callable[[], None] | None = None
        self._before: dict[int, Handler] = {}

    def call(self, stop: Callable[[], None]) -> None:
        """Have `stop`, which must not wait, called as soon as a handler raises: what waits then stops waiting."""
        self._stop = stop
        # The handler may have raised before anybody said how to stop.
        if self.error is not None:
            stop()

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = _in_python()
        try:
            for number, handler in self._before.items():
                _handlers.signal(number, self._around(handler))
        except ValueError:  # in a subinterpreter, whose threads run no handlers
            self._before = {}
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()
        if self.error is not None:
            raise self.error

    def _around(self, handler: Handler) -> Handler:
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

    def _restore(self) -> None:
        for number, handler in self._before.items():
            _handlers.signal(number, handler)


def deferred(*, once: bool = False) -> Interruption:
    """Defer what handlers of signals raise until the end of a `with` block; the last exception is raised then.

    `once`: a second Ctrl-C is not deferred, for work that may wait for long. Handlers in Python run in the main thread
    alone: in others nothing is to be done.
    """
    return Interruption(once)
