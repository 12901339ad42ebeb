"""Texts of LLVM IR before LLVM reads them: its parser calls itself for each level, and ends the process where the
stack ends."""

from __future__ import annotations

import re

import numpy as np

from uruk.errors import CompileError

DEEPEST = 5_000
"""Levels of brackets; LLVM's stack of 8 MiB has room for some ten thousand."""
_NO_CODE = re.compile(rb'"[^"]*"|;[^\n]*')
_STEPS = np.zeros(256, np.int32)
_STEPS[list(b"([{<")], _STEPS[list(b")]}>")] = 1, -1


def check_text(text: str, name: str) -> None:
    """Raise CompileError for a text that is not in UTF-8, or that is nested too deeply for LLVM."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise CompileError(name, "LLVM", f"is neither bitcode nor a text: line {line} is not in UTF-8") from None
    if sum(map(data.count, b"([{<")) <= DEEPEST:
        return
    code = _NO_CODE.sub(b" ", data)
    levels = np.cumsum(_STEPS[np.frombuffer(code, np.uint8)])
    rises = levels - np.minimum.accumulate(np.minimum(levels, 0))
    if rises.size and rises.max() > DEEPEST:
        line = code.count(b"\n", 0, int(np.argmax(rises > DEEPEST))) + 1
        raise CompileError(name, "LLVM", f"has brackets nested more than {DEEPEST} deep, in line {line}")
