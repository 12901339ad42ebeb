"""The language of a source, as compilers tell it: by the suffix of its name."""

from __future__ import annotations

import os

_SUFFIXES: dict[str, str] = {
    ".c": "c",
    **dict.fromkeys((".cc", ".cp", ".cpp", ".CPP", ".cxx", ".c++", ".C"), "c++"),
    ".s": "assembler",
    ".S": "assembler-with-cpp",
}
_IR_SUFFIXES = (".ll", ".bc")
_ENDS_OF_SOURCES = (*_SUFFIXES, *_IR_SUFFIXES)
LLVM_IR = "llvm-ir"
"""The language of ``.ll`` and ``.bc`` files: no compiler is run for it (`uruk.compile.ir`)."""
NAMES = {"c": "C", "c++": "C++", "assembler": "assembly", "assembler-with-cpp": "assembly"}
"""The languages, by the word that ``-x`` of gcc and clang takes, and what people call them."""


def language_of(path: str) -> str:
    """Return the language of a source, as ``-x`` takes it; empty for a name that is not a source's."""
    return _SUFFIXES.get(os.path.splitext(path)[1], "")


def is_ir(path: str) -> bool:
    """Return True for the name of a file of LLVM IR, as text or bitcode."""
    return path.endswith(_IR_SUFFIXES)


def spoken_language(path: str) -> str:
    """Return what people call the language of a source, or LLVM IR; empty for a name that is neither's."""
    return "LLVM IR" if is_ir(path) else NAMES.get(language_of(path), "")


def is_source(path: str) -> bool:
    """Return True for the name of a file that is compiled: a source, or LLVM IR."""
    # Lines name hundreds of objects: their end alone tells in a tenth of the time that they are none.
    return path.endswith(_ENDS_OF_SOURCES) and (bool(language_of(path)) or is_ir(path))
