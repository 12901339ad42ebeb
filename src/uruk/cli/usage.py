"""The first steps of every command: answer ``--help``, and refuse a command line that makes no sense."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

ArgumentsT = TypeVar("ArgumentsT")


class UsageError(Exception):
    """A command line that makes no sense."""


def unknown_option(word: str, known: Iterable[str]) -> UsageError:
    """Return the error for an option that there is not, with the nearest of those that there are."""
    from difflib import get_close_matches  # costs a millisecond, for errors only

    close = get_close_matches(word.partition("=")[0][:100], ("--help", *known), 1)
    return UsageError(f"unknown option {word}{f': did you mean {close[0]}?' if close else ''}")


def read(
    command: str, usage: str, words: Sequence[str], parse: Callable[[Sequence[str]], ArgumentsT]
) -> ArgumentsT | int:
    """Return what `parse` makes of `words`, or the command's exit status: 0 after help, 2 if they are wrong."""
    own = words[: list(words).index("--")] if "--" in words else words
    if any(word in ("-h", "--help") for word in own):
        print(usage, end="")
        return 0
    try:
        return parse(words)
    except UsageError as error:
        return refuse(command, error)


def refuse(command: str, error: UsageError) -> int:
    """Say in one line what is wrong with a command line; the exit status."""
    print(f"uruk {command}: {error}; see `uruk {command} --help'", file=sys.stderr)
    return 2


def print_all(command: Callable[[], int]) -> int:
    """Run what prints a result, and return its exit status; 1 if the reader of a pipe has closed it (``| head``)."""
    try:
        status = command()
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes its output once more when it ends, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
