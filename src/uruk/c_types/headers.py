"""A header's declarations, of which some cannot be read: those are left out, with the reason for each function."""

from __future__ import annotations

import re
from collections.abc import Sequence

from uruk.c_types.declarations import Types, Unread
from uruk.compile.layout_marks import MARK
from uruk.errors import InvalidValue

_AT_ONCE = 100
"""Declarations that are read together: what stands behind a wrong one is read once more."""
_FUNCTION = re.compile(r"\b(\w+)\s*\((?!\s*\*)")

Problem = tuple[str, str]
"""A declaration, and why it cannot be read."""


def declare_each(types: Types, declarations: Sequence[str], name: str) -> None:
    """Add those of a header's declarations, one a line, that can be read. Raises InvalidValue where none can."""
    reason = "a word in it says how it lies in memory, or how it is called, in a way of its own"
    problems: list[Problem] = [(each, reason) for each in declarations if MARK in each]
    plain = [each for each in declarations if MARK not in each]
    try:
        types.add("\n".join(plain))
    except Unread:
        for start in range(0, len(plain), _AT_ONCE):
            problems += _declare_some(types, plain[start : start + _AT_ONCE])
    if declarations and len(problems) == len(declarations):
        first = problems[0][0].replace(MARK, "").strip()
        reason = problems[0][1]
        raise InvalidValue(f"{name}: none of its {len(problems)} declarations can be read; `{first}': {reason}")
    for declaration, reason in problems:
        if "{" not in declaration and (function := _FUNCTION.search(declaration)):
            types.left_out[function[1]] = f"its declaration in {name} cannot be read: {reason}"


def _declare_some(types: Types, declarations: Sequence[str]) -> list[Problem]:
    """Add declarations; returns those that cannot be read."""
    problems: list[Problem] = []
    while declarations:
        try:
            types.add("\n".join(declarations))
        except Unread as error:
            count = len(declarations)
            if count == 1:
                return [*problems, (declarations[0], _reason(error))]
            at = min(error.line, count) - 1 if error.line else count // 2
            problems += _declare_some(types, declarations[:at])
            if error.line:
                problems.append((declarations[at], _reason(error)))
                at += 1
            declarations = declarations[at:]
        else:
            break
    return problems


def _reason(error: Unread) -> str:
    """Return the reason without the line, which is none of the header's."""
    return re.sub(r"^line \d+: ", "", error.reason)
