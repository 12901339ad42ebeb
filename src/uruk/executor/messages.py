"""The kinds of messages of LLVM's SimpleRemoteEPC, how long they may be, and what the first and the last one say."""

from __future__ import annotations

from collections.abc import Mapping

from uruk.errors import ProtocolError
from uruk.executor import sps
from uruk.executor.requests import LARGEST as LARGEST_REQUEST
from uruk.records import record

SETUP, HANGUP, RESULT, CALL = 0, 1, 2, 3
"""The kinds, as SimpleRemoteEPCOpcode of LLVM numbers them."""
LARGEST_ANSWER = 1 << 20
"""Bytes that the answer of a call may carry, where the call does not say that it may be more."""
LARGEST_READ = (1 << 32) - (1 << 16)
"""Bytes that may be asked for at a time; more does not fit in a message."""
LARGEST = {SETUP: 1 << 20, HANGUP: 1 << 16, CALL: LARGEST_REQUEST}
"""Bytes that a message of each kind may carry; a result has the bound of its call."""


@record
class Setup:
    """The first message, in which an executor says what it is."""

    triple: str
    page_size: int
    values: Mapping[str, bytes]
    """The bootstrap map."""
    symbols: Mapping[str, int]
    """The bootstrap symbols: addresses by name."""


def read_setup(number: int, tag: int, payload: bytes) -> Setup:
    """Return what an executor's first message says. Raises ProtocolError where it makes no sense."""
    if number or tag:
        raise ProtocolError("the executor's setup has a number")
    reader = sps.Reader(payload, "the executor's setup")
    triple, page = reader.string().decode(errors="replace"), reader.u64()
    values = {reader.string().decode(errors="replace"): reader.string() for _ in range(reader.count(16))}
    symbols = {reader.string().decode(errors="replace"): reader.u64() for _ in range(reader.count(16))}
    # Sizes are rounded to pages by masks; AArch64's largest page has 64 KiB.
    if page < 4096 or page & (page - 1) or page > 1 << 16:
        raise ProtocolError(f"the executor has pages of {page} bytes")
    return Setup(triple, page, values, symbols)


def read_hangup(payload: bytes) -> str:
    """Return the text of an executor's last message; empty where it has ended well."""
    reader = sps.Reader(payload, "a hangup")
    return reader.string().decode(errors="replace") if payload and reader.bool() else ""
