"""Exceptions of Python functions that linked code of this process has called, until the call that led to them returns.

That is the innermost call of linked code on the thread: the Python frame below the callback, if it is one of uruk's
own calls, which looks here when it returns; or else a call that C makes (`uruk.executor.native_calls`). Exceptions that
come out of initialisers and finalisers are raised by what ran these. Where there is no such call, as on a thread that
linked code has started, the exception goes to `sys.unraisablehook`.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import cast
from weakref import ref

callers: set[CodeType] = set()
"""The code of functions that call linked code and then look for exceptions."""
swap_catching: Callable[[int], int] | None = None
"""Set the frame at which C++ exceptions end in this thread, once calls of this process catch any; returns the last."""
waiting: dict[FrameType, BaseException] = {}
"""Calls under way, by their frames -> the first exception of a callback in each."""
in_native_call: Callable[[BaseException], int] | None = None
"""Has the innermost call that C makes on this thread raise an exception when it returns; 0 where there is none."""


class _Thread(threading.local):
    led: list[BaseException] | None = None
    """The exceptions of the initialisers and finalisers that this thread runs; None where it runs none."""


_thread = _Thread()
runs_initialisers: CodeType | None = None
"""The code of the function by which Python calls initialisers and finalisers of this process."""


@contextmanager
def led_to() -> Generator[None, None, None]:
    """Raise, at the end, the first exception of callbacks in initialisers and finalisers that run meanwhile.

    The outermost one of a thread does so, since what it does must be done as a whole.
    """
    if _thread.led is not None:
        yield
        return
    errors: list[BaseException] = []
    _thread.led = errors
    try:
        yield
    except BaseException:
        _report(errors)
        raise
    finally:
        _thread.led = None
    _report(errors[1:])
    if errors:
        raise errors[0]


def _report(errors: list[BaseException]) -> None:
    for error in errors:
        report(error, "an initialiser or finaliser")


@contextmanager
def function_of_python() -> Generator[None, None, None]:
    """Keep exceptions of what a callback itself calls from those of the initialisers that it was called by."""
    led, _thread.led = _thread.led, None
    try:
        yield
    finally:
        _thread.led = led


def runs_any() -> bool:
    """Return True if this thread runs initialisers or finalisers."""
    return _thread.led is not None


def collect(error: BaseException) -> bool:
    """Keep an exception for what runs initialisers or finalisers on this thread; False where nothing does."""
    if _thread.led is None:
        return False
    _thread.led.append(error)
    return True


def keep(error: BaseException, caller: FrameType | None, function: object) -> None:
    """Keep what a callback has raised for the call that `caller` is the frame of; report it where that is none.

    A second exception of one call is reported, too.
    """
    code = caller.f_code if caller is not None else None
    if code is not None and code in callers:
        if caller not in waiting:
            waiting[cast("FrameType", caller)] = error
            return
    elif _is_taken(error, code):
        return
    report(error, function)


def _is_taken(error: BaseException, code: CodeType | None) -> bool:
    """Return True if what runs initialisers raises an exception, or a call that C makes."""
    if code is not None and code is runs_initialisers and collect(error):
        return True
    return bool(in_native_call is not None and in_native_call(error))


def report(error: BaseException, function: object) -> None:
    """Give an exception that no call of Python's can raise to `sys.unraisablehook`; its `object` shows the function."""
    token = _Token()
    reference = ref(token, _Raiser(error, function))
    del token  # Python calls the hook with what such a function raises
    del reference


class _Token:
    pass


class _Raiser:
    def __init__(self, error: BaseException, function: object) -> None:
        self.error = error
        self.function = function

    def __call__(self, _: object) -> None:
        raise self.error

    def __repr__(self) -> str:
        return f"{self.function!r}, which linked code called"


frame_of = sys._getframe  # pyright: ignore[reportPrivateUsage]


def raise_kept() -> None:
    """Raise what was kept for the calling frame, if anything was."""
    error = waiting.pop(frame_of(1), None)
    if error is not None:
        raise error
