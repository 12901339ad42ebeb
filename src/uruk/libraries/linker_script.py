"""Reads the names of inputs in linker scripts that stand in for libraries (`libc.so` is text).

Such files use a few commands of the script language (ld's manual, "Commands Dealing with Files"): INPUT and GROUP, with
AS_NEEDED inside, SEARCH_DIR, and INCLUDE. Commands that only describe the output are passed over; others are an error.
So are SECTIONS, but with INSERT and without symbols and addresses: they only say beside which others sections lie. Free
Pascal's scripts have these.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from uruk.errors import ObjectFormatError

# Groups: a quoted name, punctuation, a word. Comments and space match without a group; a comment that does not end
# matches nothing.
_TOKEN = re.compile(rb'/\*.*?\*/|"([^"]*)"|([(){},;])|(?!/\*)([^\s(){},;"]+)|\s+', re.DOTALL)
_PASSED_OVER = frozenset(("OUTPUT_FORMAT", "OUTPUT_ARCH", "TARGET", "OUTPUT", "ENTRY", "EXTERN"))
_DEEPEST = 16
_DATA = "ASSERT|PROVIDE|ALIGN|FILL|BYTE|SHORT|LONG|S?QUAD|ASCIZ|CONSTRUCTORS|CREATE_OBJECT_SYMBOLS|LINKER_VERSION"
_PATTERN = rf"[(),;]|(?!(?:{_DATA})\b)[\w.*?\[\]$/-]+"
"""A word among the patterns of a section of the output: no data, and nothing that names or moves an address."""
_Token: TypeAlias = tuple[int, str, bool]
"""Offset and text of a word, and True if it was quoted."""


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
    tokens = iter(_tokens(file, data))
    for at, word, quoted in tokens:
        if word == "SECTIONS" and not (quoted or open_commands or command):
            _pass_sections_over(file, at, tokens)
        elif word == "(" and not quoted:
            if command in ("", "INCLUDE") or len(open_commands) == _DEEPEST:
                raise ObjectFormatError(file, "linker script", "a parenthesis without a command", at)
            open_commands.append(command)
            command = ""
        elif word == ")" and not quoted:
            if not open_commands or command:
                raise ObjectFormatError(file, "linker script", "unbalanced parenthesis", at)
            open_commands.pop()
        elif word in (",", ";") and not quoted:
            continue
        elif command == "INCLUDE":
            inputs.append(ScriptInput(word))
            command = ""
        elif not open_commands or (word == "AS_NEEDED" and not quoted):
            command = _command(file, word, at, command)
        else:
            _operand(inputs, open_commands, word)
    if open_commands or command:
        raise ObjectFormatError(file, "linker script", "ends within a command", len(data))
    return inputs


def _command(file: str, word: str, at: int, before: str) -> str:
    known = word in ("INPUT", "GROUP", "AS_NEEDED", "SEARCH_DIR", "INCLUDE") or word in _PASSED_OVER
    if before or not known:
        raise ObjectFormatError(file, "linker script", f"unknown command `{word[:40]}'", at)
    return word


def _pass_sections_over(file: str, at: int, tokens: Iterator[_Token]) -> None:
    """Pass over ``SECTIONS { NAME : { PATTERNS } ... } INSERT AFTER NAME``. Raises ObjectFormatError for all else.

    A NAME that C can spell gives symbols to its section (``__start_NAME``).
    """
    fault = ObjectFormatError(file, "linker script", "SECTIONS places sections: code lies where there is room", at)

    def take() -> str:
        return next(tokens, (0, "", False))[1]

    if take() != "{":
        raise fault
    while (name := take()) != "}":
        if name.isidentifier() or not re.fullmatch(_PATTERN, name) or take() != ":" or take() != "{":
            raise fault
        while (word := take()) != "}":
            if not re.fullmatch(_PATTERN, word):
                raise fault
    if take() != "INSERT" or take() not in ("AFTER", "BEFORE") or not re.fullmatch(_PATTERN, take()):
        raise fault


def _operand(inputs: list[ScriptInput], open_commands: list[str], word: str) -> None:
    if _PASSED_OVER.isdisjoint(open_commands):
        sysroot = word.removeprefix("=").removeprefix("$SYSROOT")
        inputs.append(ScriptInput(sysroot, "AS_NEEDED" in open_commands, open_commands[-1] == "SEARCH_DIR"))


def _tokens(file: str, data: bytes) -> list[_Token]:
    """Return every token except space and comments."""
    tokens: list[_Token] = []
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
