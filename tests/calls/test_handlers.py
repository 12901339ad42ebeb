"""Handlers of signals, and destructors, that use a session in the middle of its work."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType

import pytest
from places import compiled, session

import uruk

from support.compiling import Compile, RunChild

SOURCE = """
#include <unistd.h>
int add(int a, int b) { return a + b; }
int nap(int microseconds) { usleep(microseconds); return microseconds; }
int call(int (*f)(int), int x) { return f(x); }
"""


def test_destructors_may_make_callbacks_at_any_moment(cc: Compile, child: RunChild) -> None:
    text = """
    import gc, sys, uruk
    jit = uruk.LLJIT()
    jit.add_object(sys.argv[1])
    call = jit.lookup("call").function("int(int (*)(int), int)")
    kind = "int(int)"
    inside, count = False, 0
    def collect(phase, info):
        global inside, count
        if not inside:
            inside = True
            count += 1
            made = jit.callback(kind, lambda x: x + 1)
            assert call(made, count) == count + 1
            made.release()
            inside = False
    call(lambda x: x, 1)
    gc.callbacks.append(collect)
    gc.set_threshold(23, 1, 1)
    kept = []
    for number in range(600):
        assert call(lambda x: x - 1, number) == number - 1
        kept.append(jit.callback(kind, lambda x: x + 2))
        assert call(kept[-1], number) == number + 2
    gc.callbacks.clear()
    assert count > 100, count
    inside = True
    """
    assert child.ok(text, cc(SOURCE), timeout=60) == ""


@pytest.mark.parametrize("place", ["shared", "messages"])
def test_a_call_of_a_handler_within_a_call_is_an_error(place: str, tmp_path: Path) -> None:
    """The call that was interrupted goes on, and so does the session."""
    seen: list[uruk.ExecutorError] = []
    with session(place) as jit:
        jit.add_object(compiled(place, tmp_path, SOURCE))
        add, nap = jit.lookup("add").function("int(int, int)"), jit.lookup("nap").function("int(int)")

        def handle(number: int, frame: FrameType | None) -> None:
            try:
                assert add(1, 2) == 3  # before the call, or behind it
            except uruk.ExecutorError as error:
                seen.append(error)

        before = signal.signal(signal.SIGALRM, handle)
        try:
            while not seen:
                signal.setitimer(signal.ITIMER_REAL, 0.1)
                assert nap(400_000) == 400_000
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert add(1, 2) == 3
        assert "have another thread do it" in str(seen[0])
