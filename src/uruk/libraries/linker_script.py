"""Reads the names of inputs in linker scripts that stand in for libraries (`libc.so` is text).

Such files use a few commands of the script language (ld's manual, "Commands Dealing with Files"): INPUT and GROUP, with
AS_NEEDED inside, and SEARCH_DIR. Commands that only describe the output are passed over; others are an error.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

from uruk.errors import ObjectFormatError

# Groups: a quoted name, punctuation, a word. Comments and space match without a group; a comment that does not end
# matches nothing.
_TOKEN = re.compile(rb'/\*.*?\*/|"([^"]*)"|([(),;])|(?!/\*)([^\s(),;"]+)|\s+', re.DOTALL)
_PASSED_OVER = frozenset(("OUTPUT_FORMAT", "OUTPUT_ARCH", "TARGET", "OUTPUT", "ENTRY", "EXTERN"))
_DEEPEST = 16


@dataclass(frozen=True, slots=True)
class ScriptInput:
    """One input, a file name or `-lNAME`; `as_needed` if it stands in AS_NEEDED. With `directory`, a SEARCH_DIR's."""

    text: str
    as_needed: bool = False
    directory: bool = False


def parse_linker_script(file: str, data: bytes) -> list[ScriptInput]:
    """Return the inputs and search directories that the script names, in order. Raises ObjectFormatError."""
    inputs: list[ScriptInput] = []
    open_commands: list[str] = []
    command = ""
    for at, word, quoted in _tokens(file, data):
        if word == "(" and not quoted:
            if not command or len(open_commands) == _DEEPEST:
                raise ObjectFormatError(file, "linker script", "a parenthesis without a command", at)
            open_commands.append(command)
            command = ""
        elif word == ")" and not quoted:
            if not open_commands or command:
                raise ObjectFormatError(file, "linker script", "unbalanced parenthesis", at)
            open_commands.pop()
        elif word in (",", ";") and not quoted:
            continue
        elif not open_commands or (word == "AS_NEEDED" and not quoted):
            command = _command(file, word, at, command)
        else:
            _operand(inputs, open_commands, word)
    if open_commands or command:
        raise ObjectFormatError(file, "linker script", "ends within a command", len(data))
    return inputs


def _command(file: str, word: str, at: int, before: str) -> str:
    known = word in ("INPUT", "GROUP", "AS_NEEDED", "SEARCH_DIR") or word in _PASSED_OVER
    if before or not known:
        raise ObjectFormatError(file, "linker script", f"unknown command `{word[:40]}'", at)
    return word


def _operand(inputs: list[ScriptInput], open_commands: list[str], word: str) -> None:
    if _PASSED_OVER.isdisjoint(open_commands):
        sysroot = word.removeprefix("=").removeprefix("$SYSROOT")
        inputs.append(ScriptInput(sysroot, "AS_NEEDED" in open_commands, open_commands[-1] == "SEARCH_DIR"))


def _tokens(file: str, data: bytes) -> list[tuple[int, str, bool]]:
    """Return the offset and text of every token except space and comments, and True if it was quoted."""
    tokens: list[tuple[int, str, bool]] = []
    at = 0
    while at < len(data):
        match = _TOKEN.match(data, at)
        if match is None or b"\0" in match.group():
            raise ObjectFormatError(
                file, "linker script", f"neither a library nor a linker script{_named(data, file)}", at
            )
        if match.lastindex:
            tokens.append((at, os.fsdecode(match.group(match.lastindex)), match.lastindex == 1))
        at = match.end()
    return tokens


def _named(data: bytes, file: str) -> str:
    from uruk.formats.foreign import kind_of  # seldom needed, and not at start-up

    description = kind_of(data, file)
    return f": it is {description}" if description else ""
