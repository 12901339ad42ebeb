"""A call's deadline holds whatever the executor sends or leaves unread, and what comes late is served all the same."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fake import HEADER, SETUP, frame

import uruk
from uruk.errors import ExecutorLost, ExecutorTimeout
from uruk.executor.connection import Connection

DEADLINE = 0.5
LOADED = 10.0
"""Seconds more for a machine that is at work."""
TAG = 4096
SOURCE = r"""
#include <unistd.h>
static volatile int answer = -1;
int late(int (*ask)(int)) { usleep(1500000); answer = ask(21); return 0; }
int told(void) { return answer; }
"""


def in_time(call: Callable[[], object]) -> BaseException | None:
    """What a call raises; it may not take much longer than its deadline."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(DEADLINE + LOADED)
    assert not thread.is_alive(), "the call does not end"
    return raised[0] if raised else None


def test_a_line_that_always_has_more(tmp_path: Path) -> None:
    """Hangups without end: the file stands for an executor that sends faster than they are read."""
    path = tmp_path / "line"
    with path.open("wb") as file:
        file.write(SETUP)
        for _ in range(64):
            file.write(frame(1, 0, 0, b"") * (1 << 15))
    to_read, to_write = os.pipe()
    connection = Connection(os.open(path, os.O_RDONLY), to_write)
    assert isinstance(in_time(lambda: connection.call(1, deadline=DEADLINE)), ExecutorTimeout)
    connection.close()
    os.close(to_read)


def test_answers_that_nobody_reads() -> None:
    """An executor asks more out of a call than it takes answers for; each is answered once when it reads again."""
    controller, executor = socket.socketpair()
    count = 3000
    executor.sendall(SETUP)
    connection = Connection(controller.fileno(), os.dup(controller.fileno()), shut_down=controller.close)
    connection.handlers[TAG] = lambda payload: payload
    requests = b"".join(frame(3, number, TAG, bytes(8)) for number in range(count))  # all out of call 0
    sender = threading.Thread(target=executor.sendall, args=(requests,))
    sender.start()
    assert isinstance(in_time(lambda: connection.call(1, deadline=DEADLINE)), ExecutorTimeout)
    calls, answers = 0, list[int]()
    with executor.makefile("rb") as line:
        while len(answers) < count:
            size, opcode, number, _ = HEADER.unpack(line.read(HEADER.size))
            line.read(size - HEADER.size)
            if opcode == 2:
                answers.append(number)
            else:
                calls += 1
        assert calls == 1
        assert sorted(answers) == list(range(count))
        sender.join()
        executor.sendall(frame(2, 0, 0, b"late"))
    assert connection.lost is None
    executor.close()
    connection.close()


def test_a_request_out_of_a_call_that_nobody_waits_for() -> None:
    with uruk.LLJIT(executor=uruk.spawn(deadline=DEADLINE)) as jit:
        jit.add_source(text=SOURCE, language="c")
        told = jit.lookup("told").function("int(void)")
        late = jit.lookup("late").function("int(void *)")
        ask = jit.executor.callback("int(int)", lambda number: 2 * number)
        with pytest.raises(ExecutorTimeout):
            late(ask.address)
        end = time.monotonic() + LOADED
        while told() == -1 and time.monotonic() < end:
            time.sleep(0.05)
        assert told() == 42


def test_results_that_come_late() -> None:
    """They are nobody's; one that comes twice ends the line."""
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()
    os.write(to_write, SETUP)
    connection = Connection(to_read, back_write)
    for _ in range(3):
        with pytest.raises(ExecutorTimeout):
            connection.call(1, deadline=0.05)
    os.write(to_write, frame(2, 1, 0, b"late") + frame(2, 0, 0, b"late"))

    def answer() -> None:
        for _ in range(4):  # the last of them is waited for
            os.read(back_read, HEADER.size)
        os.write(to_write, frame(2, 3, 0, b"right"))

    waiting = threading.Thread(target=answer)
    waiting.start()
    assert connection.call(1, deadline=LOADED) == b"right"
    waiting.join()
    os.write(to_write, frame(2, 0, 0, b"again"))
    with pytest.raises(ExecutorLost, match="answered call 0, which nobody made"):
        connection.call(1, deadline=LOADED)
    connection.close()
    for file in (to_write, back_read):
        os.close(file)


def test_a_side_that_is_closed_ends_the_line() -> None:
    """An executor that does not read any more, though its own side is open."""
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()
    os.write(to_write, SETUP)
    connection = Connection(to_read, back_write)
    os.close(back_read)
    with pytest.raises(ExecutorLost):
        connection.call(1)
    assert connection.lost is not None
    begin = time.monotonic()
    with pytest.raises(ExecutorLost, match="closed its side"):
        connection.call(1)
    assert time.monotonic() - begin < 1
    os.close(to_write)
    connection.close()
