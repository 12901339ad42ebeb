"""``-symbolicate-with``: backtraces, and the names of the symbols that their addresses are in.

A line of several words, of which the last is a hexadecimal number, gets the name of the symbol behind which that
address lies, the distance from it, and the file. All other lines stay as they are.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from uruk.jitlink.failures import unreadable
from uruk.jitlink.options import CommandLine

FARTHEST = 1 << 31
"""A symbol that lies farther below an address names it no more: code of one link lies within 2 GiB."""
_WITHOUT_FILE = "<unidentified>"

Known = Sequence[tuple[int, str, str]]
"""Address, name and file of symbols, in the order of their addresses."""


def symbolicated(line: CommandLine) -> Iterator[str]:
    """Yield the texts of all inputs of a command line, of standard input where there are none. Raises ToolError."""
    known = read_symbols(_read(line.last("symbolicate-with")))
    for path in [placed.text for placed in line.inputs] or ["-"]:
        for row in _read(path).split("\n"):
            yield f"{_named(row, known)}\n"


def read_symbols(text: str) -> Known:
    """Return the symbols of a file of ``-write-symtab``; lines of another form are passed over."""
    found: dict[int, tuple[str, str]] = {}
    file = _WITHOUT_FILE
    for row in map(str.strip, text.split("\n")):
        if len(row) > 1 and row.startswith('"') and row.endswith('"'):
            file = row.strip('"')
            continue
        word, _, name = row.partition(" ")
        address = _address(word)
        if address is not None and name:
            found[address] = (name, file)
    return [(address, *found[address]) for address in sorted(found)]


def _named(row: str, known: Known) -> str:
    front, blank, word = row.rstrip().rpartition(" ")
    address = _address(word)
    if address is None or not blank:
        return row
    at = bisect_right(known, address, key=lambda symbol: symbol[0]) - 1
    if at < 0 or address - known[at][0] >= FARTHEST:
        return row
    start, name, file = known[at]
    distance = f" + {address - start}" if address > start else ""
    return f"{front} {word} {name}{distance} ({file})"


def _address(word: str) -> int | None:
    """Return the number of a word of hexadecimal digits, with or without ``0x``; None for any other word."""
    digits = word.removeprefix("0x")
    # Python's int() takes signs and underscores; sixteen digits are what an address has at most.
    if not digits.isascii() or not digits.isalnum() or len(digits) > 16:
        return None
    try:
        return int(digits, 16)
    except ValueError:
        return None


def _read(path: str) -> str:
    try:
        if path == "-":
            return sys.stdin.read()
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError as error:
        raise unreadable(path, error) from error
