"""Words of C that change how a type lies in memory, or how a function is called, and that readers of C do not know.

A declaration with one of them is marked, so that it can be left out: read without the word it would be another type.
All other attributes are taken away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MARK = "__not_as_c_says__"
_CHANGING = frozenset(
    "packed aligned align mode vector_size ext_vector_type neon_vector_type ms_struct gcc_struct scalar_storage_order"
    " transparent_union ms_abi sysv_abi regparm stdcall fastcall thiscall vectorcall regcall pcs aarch64_vector_pcs"
    " preserve_most preserve_all swiftcall swiftasynccall address_space".split()
)
"""Attributes, without underscores around them."""
_START = re.compile(r"\b(?:__attribute(?:__)?|__declspec|_?_Alignas|alignas)\s*\(")
_PIECES = re.compile(r'"(?:[^"\\]|\\.)*"|\w+|.', re.S)
_PACK = re.compile(r"#\s*pragma\s+pack\s*\((.*)\)")
_PACK_MARK = re.compile(r"__packed_to_(\d+)__;")
_OPAQUE = re.compile(r"typedef\s+(struct|union)\s+(\w+)?\s*\{.*\}([^{}]*);", re.S)
NO_PACK = 16
"""A type of C has no larger alignment by itself."""


def marked(text: str) -> str:
    """Return a text without attributes, with a mark for each that changes a type."""
    done: list[str] = []
    at = 0
    while found := _START.search(text, at):
        end = _end(text, found.end())
        words = {word.strip("_") for word in re.findall(r"\w+", text[found.start() : end])}
        done += text[at : found.start()], f" {MARK} " if words & _CHANGING or "lignas" in found[0] else " "
        at = end
    return "".join((*done, text[at:]))


def _end(text: str, at: int) -> int:
    """Return where a parenthesis that is open ends."""
    depth = 1
    for piece in _PIECES.finditer(text, at):
        depth += {"(": 1, ")": -1}.get(piece[0], 0)
        if not depth:
            return piece.end()
    return len(text)


class Packing:
    """The state of ``#pragma pack`` from line to line."""

    def __init__(self) -> None:
        self._now = NO_PACK
        self._kept: list[tuple[str, int]] = []

    def mark_of(self, line: str) -> str | None:
        """Return a mark in the form of a declaration for a pragma that packs; None for any other line."""
        found = _PACK.match(line)
        if found is None:
            return None
        words = [word.strip() for word in found[1].split(",") if word.strip()]
        if not words:
            self._now = NO_PACK
        elif words[0] == "push":
            self._kept.append((next((word for word in words[1:] if not word.isdigit()), ""), self._now))
        elif words[0] == "pop":
            self._pop(next((word for word in words[1:] if not word.isdigit()), ""))
        for word in words:
            self._now = int(word) if word.isdigit() else self._now
        return f"__packed_to_{self._now}__;"

    def _pop(self, name: str) -> None:
        """Go back to what the last push has kept, or the last one of that name."""
        names = [each for each, _ in self._kept]
        if not names or name not in ("", *names):
            return
        at = len(names) - 1 - (names[::-1].index(name) if name else 0)
        self._now = self._kept[at][1]
        del self._kept[at:]


def without_marks(declarations: Iterable[str]) -> list[str]:
    """Return the declarations, each in one line, and with a mark where it cannot be read as C.

    Of a type for which a name is defined in the same declaration, the name is kept: pointers to it are passed.
    """
    kept: list[str] = []
    packed_to = NO_PACK
    for each in map(_in_one_line, declarations):
        if pack := _PACK_MARK.fullmatch(each):
            packed_to = int(pack[1])
        elif MARK not in each and "__packed_to_" not in each and not (packed_to < NO_PACK and "{" in each):
            kept.append(each)
        else:
            kept.append(_opaque(each) or f"{MARK} {each}")
    return kept


def _in_one_line(declaration: str) -> str:
    return " ".join(declaration.split())


def _opaque(declaration: str) -> str:
    """Return the declaration of a structure's name without its members; empty for what has none."""
    found = _OPAQUE.fullmatch(declaration.replace(MARK, ""))
    if found is None:
        return ""
    tag = found[2] or next(iter(re.findall(r"\w+", found[3])), "")
    return f"typedef {found[1]} {tag} {found[3].strip()};"
