"""Errors as `llvm-jitlink` prints them: on standard error, session errors behind a literal prefix."""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

from uruk.errors import DuplicateDefinition, InputNotFound, OutOfRange, UndefinedSymbols, UrukError
from uruk.regular_files import what_it_is

if TYPE_CHECKING:
    from uruk.graph.kinds import KindTable  # it imports numpy, which -help does without

SESSION_PREFIX = "llvm-jitlink error: "
_PLACE = re.compile(r"(?P<file>.*):\((?P<section>.*)\+(?P<offset>0x[0-9a-f]+)\)", re.DOTALL)


class ToolError(Exception):
    """An error that ends a run with status 1; its text is printed behind the name of the program."""


def session_text(error: UrukError, kinds: KindTable) -> str:
    """Return the text of an error of a lookup, without its prefix; `kinds` are those of its target."""
    # One name that two links miss is reported once, as one lookup of LLVM's session does.
    texts = [_text(error, kinds), *(_text(other, kinds) for other in error.others)]
    return f"\n{SESSION_PREFIX}".join(dict.fromkeys(texts))


def _text(error: UrukError, kinds: KindTable) -> str:
    if isinstance(error, UndefinedSymbols):
        return f"Symbols not found: [ {', '.join(symbol.name for symbol in error.symbols)} ]"
    if isinstance(error, OutOfRange):
        return _range_text(error, kinds)
    return error.describe()


def _range_text(error: OutOfRange, kinds: KindTable) -> str:
    match = _PLACE.fullmatch(error.place)
    if match is None:
        return error.describe()
    file, section, offset = match.group("file", "section", "offset")
    # The place names an offset in a section of the input, which is one block here; LLVM prints the begin of that block.
    block = error.address - int(offset, 16)
    kind = kinds.jitlink[kinds.number[error.kind]].name
    return (
        f'In graph {file}, section {section}: relocation target "{error.symbol}" at address {error.target:#x} is out '
        f"of range of {kind} fixup at {error.address:#x} ({section}, {block:#x} + {offset})"
    )


def input_error(path: str, error: UrukError) -> ToolError:
    """Return the error for an input that cannot be added."""
    if isinstance(error, DuplicateDefinition):
        return ToolError(f"Duplicate definition of symbol '{error.name}'")
    if isinstance(error, InputNotFound):
        return not_found(path)
    return ToolError(error.describe())


def not_found(path: str) -> ToolError:
    """Return the error for a file that is not there."""
    return ToolError(f"'{path}': {os.strerror(2)}")


def refuse_devices(path: str) -> None:
    """Raise ToolError for a pipe or a device, of which opening may wait and reading need not end; OSError."""
    mode = os.stat(path).st_mode
    if not stat.S_ISDIR(mode) and (kind := what_it_is(mode)):
        raise ToolError(f"'{path}': is {kind}, not a regular file")


def unreadable(path: str, error: OSError) -> ToolError:
    """Return the error for a file that cannot be read, for whatever reason."""
    return ToolError(f"'{path}': {error.strerror}")
