"""LLVM IR whose code may be replaced: texts of modules, changed as flags of compilers change C's code.

llvmlite has no option for a section each (``-ffunction-sections``, ``-fdata-sections``) and none for functions of which
callers assume nothing (``-fsemantic-interposition``). The texts are those that LLVM prints: one global value a line.
"""

from __future__ import annotations

import re

from uruk.compile.ir_symbols import FUNCTION, KINDS, VALUE

INTERPOSABLE = '!llvm.module.flags = !{!0}\n!0 = !{i32 4, !"SemanticInterposition", i32 1}\n'
"""A module to be linked into one whose functions may be replaced: callers have no copies of them."""
_BRACKETS = re.compile(r'"[^"]*"|[()]')
_STRING = re.compile(r'"[^"]*"')
_BEFORE_SECTION = re.compile(r"(?: (?:local_)?unnamed_addr)?(?: addrspace\(\d+\))?(?: #\d+)?")
_NESTING = re.compile(r"[\[{(<]|[\]})>]| zeroinitializer\b")
_ATTRIBUTES = re.compile(r"(?: #\d+)?$")
_WITHOUT_SECTION = frozenset(("thread_local", "common", "appending", "available_externally", "external", "extern_weak"))


def interposable(text: str) -> str:
    """Return a module's text without the mark by which LLVM takes a function for one that is never replaced."""
    return re.sub(r"^(define (?:[^@\"\n]|\"[^\"]*\")*?)dso_local ", r"\1", text, flags=re.MULTILINE)


def in_sections(text: str, separator: str) -> str:
    """Return a module's text with a section for each function and variable that has none yet.

    `separator` stands between a section's name and its owner's. Constants that may be merged stay where they are, and
    so do thread-locals. Private variables become internal ones: only a variable with a symbol is kept.
    """
    return "\n".join(_line(line, separator) for line in text.split("\n"))


def _line(line: str, separator: str) -> str:
    if line.startswith("define ") and (function := FUNCTION.match(line)):
        return _with_section(line, _behind_parameters(line, function.end() - 1), f".text{separator}", function["name"])
    if line.startswith("@") and (value := VALUE.match(line)):
        return _variable(line, value, separator)
    return line


def _behind_parameters(line: str, start: int) -> int:
    """Return where a function's section may stand: behind its parameters, and what LLVM wants before that."""
    depth = 0
    for bracket in _BRACKETS.finditer(line, start):
        depth += {"(": 1, ")": -1}.get(bracket[0], 0)
        if not depth:
            found = _BEFORE_SECTION.match(line, bracket.end())
            return found.end() if found is not None else bracket.end()
    return len(line)


def _variable(line: str, value: re.Match[str], separator: str) -> str:
    words = re.sub(r"\([^)]*\)", "", value["words"]).split()
    kind = next((word for word in words if word in KINDS), "")
    if kind not in ("global", "constant") or value["name"].strip('"').startswith("llvm."):
        return line
    if not _WITHOUT_SECTION.isdisjoint(words) or (kind == "constant" and "unnamed_addr" in words):
        return line
    if kind == "global" and "private" in words:
        start, end = value.span("words")  # not in the name, which may be any text
        line = line[:start] + line[start:end].replace("private", "internal", 1) + line[end:]
    section = ".bss" if _is_zero(line) else ".data"
    if kind == "constant":  # with addresses in it, it is written once, when it is linked
        section = ".data.rel.ro" if _STRING.sub("", line).count("@") > 1 else ".rodata"
    end = _ATTRIBUTES.search(line)
    at = end.start() if end is not None else len(line)
    return _with_section(line, at, section + separator, value["name"], ",")


def _is_zero(line: str) -> bool:
    """Return True if a variable is zeros as a whole: LLVM ends the process for other bytes in ``.bss``."""
    depth = 0
    for found in _NESTING.finditer(_STRING.sub("", line)):
        if found[0] in "[{(<":
            depth += 1
        elif found[0] in "]})>":
            depth -= 1
        elif not depth:
            return True
    return False


def _with_section(line: str, at: int, prefix: str, name: str, comma: str = "") -> str:
    if ' section ""' in _STRING.sub('""', line):
        return line
    plain = name.strip('"').removeprefix("\\01")
    return f'{line[:at]}{comma} section "{prefix}{plain}"{line[at:]}'
