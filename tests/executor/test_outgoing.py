"""Messages to an executor: whole ones, whatever ends the thread that writes them."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from uruk.executor.outgoing import Outgoing

pytestmark = pytest.mark.quick

MESSAGE = bytes(range(64))


def test_interrupted_writers_leave_whole_messages() -> None:
    """A handler raises at any time: a message is written or not, and the line is as good as before."""
    to_read, to_write = os.pipe()
    wake = os.eventfd(0)
    received = bytearray()

    def read() -> None:
        while data := os.read(to_read, 1 << 16):
            received.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    out = Outgoing(to_write, wake, lambda: False, None)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    interrupted, sent = 0, 0
    try:
        for step in range(2000):
            try:
                signal.setitimer(signal.ITIMER_REAL, 1e-6 + step % 100 * 1e-6)
                for _ in range(20):
                    out.send([memoryview(MESSAGE[:32]), memoryview(MESSAGE[32:])])
                    sent += 1
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
                out.turn.recover()
                assert not out.broken
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        out.close(b"", 0.0)
        reader.join()
        os.close(to_read)
        os.close(wake)
    assert interrupted > 100
    assert len(received) >= sent * len(MESSAGE)
    assert received == MESSAGE * (len(received) // len(MESSAGE))


def test_the_rest_of_a_message_that_does_not_fit() -> None:
    to_read, to_write = os.pipe()
    wake = os.eventfd(0)
    out = Outgoing(to_write, wake, lambda: False, None)
    parts = [memoryview(os.urandom(size)) for size in (1, 70_000, 3, 200_000, 32)]
    received = bytearray()
    size = sum(part.nbytes for part in parts)

    def read() -> None:
        while len(received) < size:
            received.extend(os.read(to_read, 1000))

    reader = threading.Thread(target=read)
    reader.start()
    assert out.send(list(parts))
    reader.join()
    assert received == b"".join(parts)
    assert not out.broken
    assert not out.send([memoryview(bytes(1 << 20))], 0.0)  # nobody reads any more
    assert out.broken
    out.close(b"", 0.0)
    os.close(to_read)
    os.close(wake)
