"""Response files: ``@file`` stands for the words in it, as GNU tools read them (libiberty, argv.c)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from uruk.cli.usage import UsageError

LARGEST = 8 << 20
"""Bytes of one response file."""
DEEPEST = 16
MOST_FILES = 1000
"""Files of one command line: files that name others twice each would double with every level."""
_SPACE = " \t\n\r\f\v"


def expand(words: Iterable[str]) -> Iterator[str]:
    """Yield the words, those of response files in their places; behind ``--`` nothing is expanded.

    A name that is not a file stays as it is, as GNU tools have it. Raises UsageError.
    """
    rest = iter(words)
    budget = [MOST_FILES]
    for word in rest:
        if word == "--":
            yield word
            yield from rest
            return
        yield from _expanded(word, 0, budget)


def _expanded(word: str, depth: int, budget: list[int]) -> Iterator[str]:
    if not word.startswith("@") or len(word) == 1 or not os.path.exists(word[1:]):
        yield word
        return
    budget[0] -= 1
    if depth == DEEPEST or budget[0] < 0:
        raise UsageError(f"{word}: response files nested {DEEPEST} deep, or more than {MOST_FILES}")
    for inner in split(_read(word[1:])):
        yield from _expanded(inner, depth + 1, budget)


def _read(path: str) -> str:
    """Return the text of a regular file; a FIFO would be waited for, and a device has no end."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise UsageError(f"@{path}: not a regular file")
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"@{path}: {error.strerror}") from error
    if len(data) > LARGEST:
        raise UsageError(f"@{path}: more than {LARGEST} bytes")
    if b"\0" in data:
        raise UsageError(f"@{path}: not a text")
    return os.fsdecode(data)


def split(text: str) -> list[str]:
    """Return the words of a response file: separated by space, quoted by ' or ", and \\ takes the next character as it
    is."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    characters = iter(text)
    for character in characters:
        if not quote and character in _SPACE:
            if word is not None:
                words.append("".join(word))
            word = None
            continue
        word = [] if word is None else word
        if character == "\\":
            word.append(next(characters, ""))
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            word.append(character)
    if word is not None:
        words.append("".join(word))
    return words
