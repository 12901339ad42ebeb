"""Types of variables of LLVM IR, from their definitions as LLVM prints them.

Integers are signed, as those of functions are, pointers are addresses, and structures, whose members LLVM IR does not
name, have `field_0`, `field_1` and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from uruk.debug_info.c_text import ADDRESS, CType
from uruk.debug_info.declared import Declared
from uruk.debug_info.ir_types import plain_type, split_types
from uruk.errors import InvalidType

_ARRAY = re.compile(r"\[\s*(\d+)\s+x\s+(.*)\]$", re.DOTALL)
_RENAMED = re.compile(r"\.\d+$")
"""The end of a name that LLVM gives a structure when another module has one of that name."""
_DEEPEST = 64
"""Levels of structures and arrays in each other that are read."""


class IRTypes:
    """The types of one module's variables: `named` has its structures' texts by their names."""

    def __init__(self, named: Mapping[str, str], declared: Declared) -> None:
        self._named = named
        self._declared = declared

    def of(self, variable: str, text: str) -> CType:
        """Return the type of a variable. Raises InvalidType, with the reason, for one that C does not have."""
        try:
            return self._type(text, "", _DEEPEST)
        except ValueError as error:
            raise InvalidType(f"`{variable}' is not read as a variable: {error}; read its memory by jit.read") from None

    def _type(self, text: str, name: str, depth: int) -> CType:
        if not depth:
            raise ValueError("its type is too deep")
        if text.startswith("%") and not text.endswith("*"):
            body = self._named.get(text)
            if body is None or body == "opaque":
                raise ValueError(f"{text} is a type whose members are not known")
            return self._type(body, _RENAMED.sub("", text[1:].strip('"')), depth - 1)
        if array := _ARRAY.match(text):
            if not int(array[1]):
                raise ValueError(f"{text} has no items")
            return self._type(array[2], "", depth - 1).array([int(array[1])])
        if text.startswith("{") and text.endswith("}"):
            return self._structure(text, name or "unnamed", depth)
        kind = ADDRESS if text.endswith("*") else plain_type(text)
        if kind.refusal:
            raise ValueError(kind.refusal)
        return kind

    def _structure(self, text: str, name: str, depth: int) -> CType:
        texts = split_types(text[1:-1])
        kinds = [self._type(each, "", depth - 1) for each in texts]
        if not kinds:
            raise ValueError(f"{text} has no members")
        tag, new = self._declared.tag(name, ("llvm-ir", *(kind.declare("f") for kind in kinds)))
        if new:
            members = " ".join(f"{kind.declare(f'field_{at}')};" for at, kind in enumerate(kinds))
            self._declared.body(f"struct {tag} {{ {members} }};")
        at = 0
        for kind in kinds:
            at = -(-at // kind.alignment) * kind.alignment + kind.size
        alignment = max(kind.alignment for kind in kinds)
        return CType(f"struct {tag}", "", -(-at // alignment) * alignment, alignment)
