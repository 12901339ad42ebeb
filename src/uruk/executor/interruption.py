"""Signals whose handlers raise, such as Ctrl-C, while something is started that must not be left behind half made."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


class Interruption:
    """Notes what handlers raise: it is raised when the start is over, and given up."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        """What a handler has raised."""
        self._stop: Callable[[], None] | None = None

    def call(self, stop: Callable[[], None]) -> None:
        """Have `stop`, which must not wait, called as soon as a handler raises: what waits then stops waiting."""
        self._stop = stop
        if self.error is not None:
            stop()

    def around(self, handler: Handler) -> Handler:
        """A handler that runs another one, and raises nothing."""

        def run(number: int, frame: FrameType | None) -> None:
            try:
                handler(number, frame)
            except BaseException as error:
                self.error = error
                if self._stop is not None:
                    self._stop()

        return run


@contextmanager
def deferred() -> Generator[Interruption, None, None]:
    """While it is entered, handlers of signals interrupt nothing; what the last one raised is raised in the end.

    Handlers in Python run in the main thread alone: in others nothing is to be done.
    """
    interruption = Interruption()
    before: dict[int, Handler] = {}
    if threading.current_thread() is threading.main_thread():
        handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
        before = {number: one for number, one in handlers.items() if callable(one)}
    try:
        for number, handler in before.items():
            signal.signal(number, interruption.around(handler))
        yield interruption
    finally:
        for number in sorted(before, key=lambda number: number == signal.SIGINT):  # the likeliest is back last
            signal.signal(number, before[number])
        if interruption.error is not None:
            raise interruption.error
