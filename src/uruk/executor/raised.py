"""Exceptions of Python functions that linked code of this process has called, until the call that led to them returns.

That is the innermost call of linked code on the thread: the Python frame below the callback, if it is one of uruk's
own calls, which looks here when it returns; or else a call that C makes (`uruk.executor.native_calls`). Where there is
none, as on a thread that linked code has started, the exception goes to `sys.unraisablehook`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType, FrameType
from weakref import ref

callers: set[CodeType] = set()
"""The code of functions that call linked code and then look for exceptions."""
swap_catching: Callable[[int], int] | None = None
"""Set the frame at which C++ exceptions end in this thread, once calls of this process catch any; returns the last."""
waiting: dict[FrameType, BaseException] = {}
"""Calls under way, by their frames -> the first exception of a callback in each."""
in_native_call: Callable[[BaseException], int] | None = None
"""Has the innermost call that C makes on this thread raise an exception when it returns; 0 where there is none."""


def keep(error: BaseException, caller: FrameType | None, function: object) -> None:
    """Keep what a callback has raised for the call that `caller` is the frame of; report it where that is none.

    A second exception of one call is reported, too.
    """
    if caller is not None and caller.f_code in callers:
        if caller not in waiting:
            waiting[caller] = error
            return
    elif in_native_call is not None and in_native_call(error):
        return
    report(error, function)


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
