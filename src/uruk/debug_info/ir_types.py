"""Types of functions of LLVM IR, from their definitions as LLVM prints them, and reasons for which some are refused.

LLVM passes the types that are listed here as C does. Its integers have no sign: they are signed, but those that are
``zeroext`` are not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from uruk.debug_info.c_text import ADDRESS, VOID, CType
from uruk.debug_info.signatures import LLVM_IR, Refused, Signature

_TOKEN = re.compile(r'"[^"]*"|[(\[{<>}\])]|,|\s+|[^\s"(\[{<>}\]),]+')
_IDENTIFIER = re.compile(r"[A-Za-z_][0-9A-Za-z_]*")
_BIT = "i1"
_SIZES = {_BIT: 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8}
_FLOATS = {
    "float": CType("float", "", 4, 4),
    "double": CType("double", "", 8, 8),
    "x86_fp80": CType("long double", "", 16, 16),
}
_ELSEWHERE = {
    "sret": "the caller gives the place of a structure that is returned (sret), whose members LLVM IR does not name",
    **dict.fromkeys(("byval", "byref", "inalloca", "preallocated"), "a structure is passed in memory ({})"),
    **dict.fromkeys(("inreg", "nest", "swiftself", "swifterror", "swiftasync"), "it has a register of its own ({})"),
}
"""Attributes with which a value is not passed as C passes one of its type -> the reason."""
_CONVENTION = re.compile(r"(?:\w*cc|cc\d*|\w+_(?:kernel|device|[cghvpel]s))$")
_C_CONVENTION = "ccc"


def signature_of_ir(name: str, definition: tuple[str, str]) -> Signature:
    """Return the type of a function by its definition: see `uruk.compile.ir_symbols.IRSymbol`. Raises Refused."""
    head, tail = definition
    words = _words(head)
    for word in words[:-1]:
        if _CONVENTION.match(word) and word != _C_CONVENTION:
            raise Refused(name, f"it has another calling convention than C's ({word})", LLVM_IR)
    result = _result(name, words)
    signature = Signature(name, LLVM_IR, result)
    for words in _split(_words(tail)):
        signature.parameters.append(_parameter(name, words))
    return signature


def _result(name: str, words: Sequence[str]) -> CType:
    if words[-1:] == ["void"]:
        return VOID
    for word in words[:-1]:
        if reason := _reason_of(word):
            raise Refused(name, f"its result is not passed: {reason}", LLVM_IR)
    before = words[-2] if len(words) > 1 and words[-1].startswith(("(", "addrspace(")) else ""
    kind = _type(f"{before} {words[-1]}".strip(), unsigned="zeroext" in words)
    if kind.refusal:
        raise Refused(name, f"it returns what is not passed: {kind.refusal}", LLVM_IR)
    if words[-1] == _BIT and "zeroext" not in words:
        return CType("unsigned char", "", 1, 1, label="_Bool")  # the other bits of the register may be anything
    return kind


def _parameter(name: str, words: Sequence[str]) -> tuple[str, CType]:
    if words == ["..."]:
        raise Refused(name, "it takes variable arguments, whose types are those of each call", LLVM_IR)
    own = words[-1][1:].strip('"') if len(words) > 1 and words[-1].startswith("%") else ""
    which = f"its parameter `%{own}'" if own else "a parameter"
    for word in words[1:]:
        if reason := _reason_of(word):
            raise Refused(name, f"{which} is not passed: {reason}", LLVM_IR)
    more = words[1] if len(words) > 1 and words[1].startswith(("(", "addrspace(")) else ""
    kind = _type(f"{words[0]} {more}".strip(), unsigned="zeroext" in words)
    if kind.refusal:
        raise Refused(name, f"{which} is not passed: {kind.refusal}", LLVM_IR)
    return (own if _IDENTIFIER.fullmatch(own) else ""), kind


def _type(text: str, *, unsigned: bool) -> CType:
    """Return a type of LLVM's; one that C does not pass has a `refusal`."""
    if text == "ptr" or text.endswith("*") or text.startswith("ptr "):
        return CType("", refusal="it is a pointer of another address space") if "addrspace(" in text else ADDRESS
    if text == _BIT:
        return CType("_Bool", "", 1, 1)
    if text in _SIZES:
        size = _SIZES[text]
        return CType(f"{'u' if unsigned else ''}int{8 * size}_t", "", size, size)
    if text in _FLOATS:
        return _FLOATS[text]
    return CType("", refusal=_why_not(text))


def plain_type(text: str) -> CType:
    """Return the type of a variable that is a number or a pointer; one that C does not have has a `refusal`."""
    return _type(text, unsigned=False)


def split_types(text: str) -> list[str]:
    """Return the types between commas."""
    return [" ".join(words) for words in _split(_words(text))]


def _why_not(text: str) -> str:
    if re.fullmatch(r"i\d+", text):
        return f"{text} is an integer that C has no type for, or that cffi does not pass"
    if text.startswith("<") and not text.startswith("<{"):
        return f"{text} is a vector"
    if text.startswith(("{", "[", "%", "<{")):
        return f"{text} is a structure or an array, which LLVM passes by value in another way than C: take a pointer"
    return f"{text} is a type that C has no name for, or that cffi does not pass"


def _reason_of(word: str) -> str:
    attribute = word.split("(", 1)[0]
    return _ELSEWHERE.get(attribute, "").format(attribute)


def _split(words: Sequence[str]) -> list[list[str]]:
    """Return the words between commas."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == ",":
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]


def _words(text: str) -> list[str]:
    """Return the words of a text as far as its first closing bracket that none opens; what is in brackets is of one."""
    words: list[str] = []
    current: list[str] = []
    depth = 0
    for token in _TOKEN.findall(text):
        depth += {"(": 1, "[": 1, "{": 1, "<": 1}.get(token, -1 if token in ")]}>" else 0)
        if depth < 0:
            break
        if depth or not (token == "," or token.isspace()):
            current.append(token)
            continue
        words.append("".join(current))
        current = []
        if token == ",":
            words.append(token)
    words.append("".join(current))
    return [word for word in words if word]
