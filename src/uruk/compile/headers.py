"""Headers of C as declarations: preprocessed by a compiler of this machine, and split where each ends.

Only what the header and its neighbours in its folder declare is taken: what the system's own headers declare is full of
each compiler's extensions. Definitions of functions and macros are left out, and so are types whose layout a reader of
C would get wrong.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from uruk.compile.compilers import cross_compiler, find_compiler
from uruk.compile.layout_marks import Packing, marked, without_marks
from uruk.compile.process import Processes
from uruk.errors import CompileError, InputNotFound

_MARKER = re.compile(r'#\s*(?:line\s+)?\d+ "((?:[^"\\\\]|\\\\.)*)"')
_EXTENSIONS = ("-D__extension__=", "-D__restrict=", "-D__asm__(x)=", "-D__inline=inline")
_TOKENS = re.compile(r'"(?:[^"\\\\]|\\\\.)*"|\'(?:[^\'\\\\]|\\\\.)*\'|[{}();]|[^{}();"\']+')
TIMEOUT = 60.0
"""Seconds that the compiler may take."""


def declarations_of(path: str | os.PathLike[str], flags: Sequence[str] = (), target: str = "") -> list[str]:
    """Return the declarations of a header, as a target's compiler preprocesses it with these flags.

    Raises InputNotFound, CompilerNotFound, CompileError.
    """
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise InputNotFound(name, "header", "there is no such file")
    compiler = find_compiler("c", cross_compiler(target))
    command = [*compiler, "-E", *_EXTENSIONS, *flags, "-x", "c", name]
    ended = Processes().run(command, name, compiler[0], timeout=TIMEOUT)
    if ended.status:
        raise CompileError(name, compiler[0], "cannot be preprocessed", ended.status, ended.err)
    own = _own_lines(ended.out.decode("utf-8", "replace"), os.path.dirname(os.path.abspath(name)))
    return without_marks(split(marked(own)))


def _own_lines(text: str, folder: str) -> str:
    """Return the lines that come from files in a folder, or below it, and marks for pragmas of all files."""
    lines: list[str] = []
    own = False
    packing = Packing()
    for line in text.splitlines():
        if marker := _MARKER.match(line):
            own = os.path.abspath(marker[1]).startswith(folder + os.sep)
        elif mark := packing.mark_of(line):
            lines.append(mark)
        elif own and not line.startswith("#"):
            lines.append(line)
    return "\n".join(lines)


def split(text: str) -> list[str]:
    """Return the declarations of a text without directives, each with its semicolon; no definitions of functions."""
    found: list[str] = []
    current: list[str] = []
    depth = 0
    after_parameters = is_body = False
    for token in _TOKENS.findall(text):
        if token == "{":
            is_body = is_body or (not depth and after_parameters)
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(token, 0)
        current.append(token)
        if not depth and (token == ";" or (token == "}" and is_body)):
            declaration = "".join(current).strip()
            if not is_body and declaration != ";":
                found.append(declaration)
            current, is_body = [], False
        after_parameters = token == ")" or (after_parameters and not token.strip())
    return found
