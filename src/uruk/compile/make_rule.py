"""Rules for make, by which compilers name the files that they read (gcc's manual, "Preprocessor Options", -M)."""

from __future__ import annotations

import re

_WORD = re.compile(r"(?:\\.|[^\s\\]|\\(?!\n))+")
_ESCAPED = re.compile(r"\\([ #\\])")


def prerequisites(rule: str) -> list[str]:
    """Return the files behind the colon of a rule, in order."""
    words = _WORD.findall(rule.partition(":")[2].replace("\\\n", " "))
    return [_ESCAPED.sub(r"\1", word).replace("$$", "$") for word in words]
