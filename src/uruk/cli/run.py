"""``uruk run``: link what the command line names, and run its main() in this process.

The arguments are read by hand, as -l, -L and inputs mean something by their order, and because a command-line library
costs more start-up time than linking a small program does.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from uruk.cli.reading import Reader
from uruk.cli.tunables import can_start_again, start_again
from uruk.errors import TLSError, UrukError

USAGE = """\
usage: uruk run [options] INPUT... [-- ARGUMENT...]

Link relocatable objects, archives and libraries into this process, and run main(). uruk's exit status is the program's.

  INPUT               an object (.o), an archive (.a) or a shared library (.so)
  -l NAME             a library, found as ld does: in -L directories, system directories, the loader's cache
  -L DIR              where -l looks first
  --in-process        run in this process (the only way, for now)
  --entry NAME        the function to run (default: main)
  --no-exec           link only; with --entry, only the objects that NAME needs
  --phony-externals   names that nobody defines become 0
  --gc-sections       drop sections that the entry does not reach
  --define NAME=ADDR  an absolute symbol
  --slab-allocate=SIZE  address space reserved for code (suffix Kb, Mb, Gb)
  --time              print how long each pass took, on standard error
"""


class UsageError(Exception):
    """A command line that makes no sense."""


@dataclass
class Arguments:
    """The command line, in its order: `inputs` has (kind, value) with kind input, library."""

    inputs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    directories: list[str] = field(default_factory=list[str])
    defines: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    program: list[str] = field(default_factory=list[str])
    entry: str = ""
    execute: bool = True
    phony: bool = False
    prune: bool = False
    time: bool = False
    slab: int = 0


_VALUES = ("-l", "-L", "--entry", "--define", "--slab-allocate")
_FLAGS = ("--in-process", "--no-exec", "--phony-externals", "--gc-sections", "--time")


def parse(words: Sequence[str]) -> Arguments:
    """Read the command line. Raises UsageError."""
    arguments = Arguments()
    rest = iter(words)
    for word in rest:
        if word == "--":
            arguments.program = list(rest)
        elif not word.startswith("-") or word == "-":
            arguments.inputs.append(("input", word))
        elif word in _FLAGS:
            _flag(arguments, word)
        else:
            option, value = _value(word, rest)
            _option(arguments, option, value)
    if not arguments.inputs:
        raise UsageError("no input")
    return arguments


def _value(word: str, rest: Iterator[str]) -> tuple[str, str]:
    """An option and its value: joined, behind ``=``, or the next word."""
    for option in _VALUES:
        short = not option.startswith("--")
        if word == option:
            value = next(rest, None)
            if value is None:
                raise UsageError(f"{option} wants a value")
            return option, value
        if short and word.startswith(option):
            return option, word[2:]
        if word.startswith(option + "="):
            return option, word[len(option) + 1 :]
    raise UsageError(f"unknown option {word}")


def _flag(arguments: Arguments, word: str) -> None:
    arguments.execute &= word != "--no-exec"
    arguments.phony |= word == "--phony-externals"
    arguments.prune |= word == "--gc-sections"
    arguments.time |= word == "--time"


def _option(arguments: Arguments, option: str, value: str) -> None:
    if option == "-l":
        arguments.inputs.append(("library", value))
    elif option == "-L":
        arguments.directories.append(value)
    elif option == "--entry":
        arguments.entry = value
    elif option == "--define":
        name, _, address = value.partition("=")
        arguments.defines.append((name, _number(address)))
    else:
        arguments.slab = _size(value)


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise UsageError(f"`{text}' is no number") from None


def _size(text: str) -> int:
    for suffix, unit in (("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)):
        if text.lower().endswith(suffix):
            return _number(text[:-2]) * unit
    return _number(text) * (1 << 10)


def run(words: Sequence[str]) -> int:
    """Run the command; returns the exit status where the program does not end the process itself."""
    if any(word in ("-h", "--help") for word in words[: list(words).index("--") if "--" in words else None]):
        print(USAGE, end="")
        return 0
    try:
        arguments = parse(words)
    except UsageError as error:
        print(f"uruk run: {error}\n\n{USAGE}", end="", file=sys.stderr)
        return 2
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's threads would be the program's
    gc.disable()  # nothing here makes cycles worth looking for, and the columns are large
    reader = Reader(arguments.inputs)
    from uruk.cli.program import Program  # imports numpy, while the reader reads

    try:
        program = Program(arguments, reader)
        program.link()
        if arguments.time:
            print_times(program.times)
        if not arguments.execute:
            _end(0)
        return program.run()
    except UrukError as error:
        if isinstance(error, TLSError) and error.static_tls and can_start_again():
            start_again(error.static_tls)
        kind = type(error).__name__
        print(f"uruk: {kind}: {error}", file=sys.stderr)
        return 1


def _end(status: int) -> None:
    """End without taking the interpreter down piece by piece: nothing was run that would need it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def print_times(times: list[tuple[str, float]]) -> None:
    """The table of `--time`: a pass, milliseconds, share."""
    from rich.console import Console
    from rich.table import Table

    table = Table("pass", "ms", "share", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    total = sum(seconds for _, seconds in times)
    for name, seconds in times:
        table.add_row(name, f"{seconds * 1000:.2f}", f"{seconds / total:.0%}" if total else "")
    table.add_row("total", f"{total * 1000:.2f}", "")
    Console(stderr=True, width=80).print(table)
