"""Messages as they come in: in any pieces, of any size, and with memory taken as bytes come."""

from __future__ import annotations

import os
import random
import sys
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import pytest

from uruk.errors import ProtocolError
from uruk.executor.incoming import HEADER, LARGE_PIECE, PIECE, Incoming, Message

Sent = tuple[int, int, int, bytes]
SIZES = (0, 1, 8, 40, 500, PIECE - 33, PIECE - 32, PIECE - 31, PIECE, PIECE + 1, LARGE_PIECE, 3 * LARGE_PIECE + 7)


def frame(opcode: int, number: int, tag: int, payload: bytes) -> bytes:
    return HEADER.pack(HEADER.size + len(payload), opcode, number, tag) + payload


def send(file: int, data: bytes, pieces: Sequence[int]) -> None:
    at = 0
    for size in pieces:
        at += os.write(file, data[at : at + size])
    while at < len(data):
        at += os.write(file, data[at:])
    os.close(file)


def receive(data: bytes, pieces: Sequence[int], most: int = 1 << 32) -> list[Sent]:
    """What an `Incoming` makes of bytes that are written in such pieces."""
    to_read, to_write = os.pipe()
    writer = threading.Thread(target=send, args=(to_write, data, pieces))
    writer.start()
    try:
        incoming = Incoming(to_read, lambda opcode, number: most)
        received: list[Message] = []
        while incoming.read():
            while (message := incoming.take()) is not None:
                received.append(message)
                incoming.drop()
        return [(one.opcode, one.number, one.tag, one.payload) for one in received]
    finally:
        os.close(to_read)
        writer.join()


@pytest.mark.parametrize("seed", range(12))
def test_messages_in_any_pieces(seed: int) -> None:
    chance = random.Random(seed)
    sent: list[Sent] = [
        (chance.randrange(4), number, chance.getrandbits(64), chance.randbytes(chance.choice(SIZES)))
        for number in range(chance.choice((1, 20, 60)))
    ]
    data = b"".join(frame(*message) for message in sent)
    pieces = [chance.choice((1, 7, 32, 33, 4096, PIECE, PIECE - 1)) for _ in range(chance.choice((0, 300)))]
    assert receive(data, pieces) == sent


class Interrupter:
    """Raises KeyboardInterrupt before about one in eight lines of `Incoming`."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def trace(self, frame: FrameType, event: str, _: Any) -> Callable[[FrameType, str, Any], Any] | None:
        if frame.f_globals.get("__name__") != Incoming.__module__:
            return None
        if event == "line" and self.chance.random() < 0.12:
            raise KeyboardInterrupt
        return self.trace


@pytest.mark.parametrize("seed", range(6))
def test_an_interrupted_reader_goes_on(seed: int) -> None:
    chance = random.Random(seed)
    sizes = [chance.choice(SIZES) for _ in range(40)] + [chance.randrange(60) for _ in range(3000)]
    chance.shuffle(sizes)
    sent: list[Sent] = [(2, number, 7, chance.randbytes(size)) for number, size in enumerate(sizes)]
    to_read, to_write = os.pipe()
    data = b"".join(frame(*message) for message in sent)
    writer = threading.Thread(target=send, args=(to_write, data, [chance.randrange(1, 5000) for _ in range(300)]))
    writer.start()
    incoming = Incoming(to_read, lambda opcode, number: 1 << 32)
    interrupter, received, interrupted, resumed = Interrupter(seed), list[Sent](), 0, False
    try:
        while not incoming.at_end:
            try:
                sys.settrace(interrupter.trace)
                if (resumed and not incoming.has_uncounted) or incoming.read():
                    while message := incoming.take():
                        sys.settrace(None)
                        received.append((message.opcode, message.number, message.tag, message.payload))
                        incoming.drop()
                        sys.settrace(interrupter.trace)
                resumed = False
            except KeyboardInterrupt:
                interrupted, resumed = interrupted + 1, True
            finally:
                sys.settrace(None)
    finally:
        os.close(to_read)
        writer.join()
    assert received == sent
    assert interrupted > 1000


def test_many_small_messages_are_taken_one_by_one() -> None:
    sent: list[Sent] = [(2, number, 0, b"x" * (number % 50)) for number in range(50_000)]
    assert receive(b"".join(frame(*message) for message in sent), ()) == sent


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (HEADER.pack(31, 2, 0, 0), "a message of 31 bytes"),
        (HEADER.pack(0, 2, 0, 0), "a message of 0 bytes"),
        (HEADER.pack((1 << 64) - 1, 2, 0, 0), "where 1000 may follow its header"),
        (HEADER.pack(1033, 2, 0, 0), "where 1000 may follow its header"),
        (HEADER.pack(132, 2, 0, 0)[:31], "in the middle of the header of a message"),
        (HEADER.pack(132, 2, 0, 0) + bytes(99), "in the middle of a message"),
    ],
)
def test_what_is_no_message(data: bytes, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        receive(data, (), most=1000)


def test_a_promise_costs_no_memory() -> None:
    """A header that announces 4 GiB, with few of them behind it."""
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="in the middle of a message"):
            receive(HEADER.pack((1 << 32) - 1, 2, 0, 0) + bytes(100_000), ())
        assert tracemalloc.get_traced_memory()[1] < 4 * LARGE_PIECE
    finally:
        tracemalloc.stop()
