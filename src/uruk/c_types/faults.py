"""Faults of a text of C in plain words: those of cffi and its parser are for their authors, and name no type."""

from __future__ import annotations

import re
from collections.abc import Iterable

from cffi.commontypes import COMMON_TYPES
from cffi.model import PrimitiveType

from uruk.named_tuples import NamedTuple

_PLACE = re.compile(r"(?:<cdef source string>|^):(\d+)(?::\d+)?|(?<=parse error\s)<cdef source string>")
_ADVICE = re.compile(r"\(for interactive usage[^)]*\)*|Please look at http.*")
"""Advice of cffi's that is for those who call it themselves."""
_AT = re.compile(
    r'(?:^cannot parse "(?P<text>.*)"|parse error) (?:line \d+|\?)(?:: (?:before: (?P<token>.*)|(?P<problem>.*)))', re.S
)
_ENDS = re.compile(r"(\w+)\s?;")
_QUOTED = re.compile(r"`(.+?)'")
_LONGEST = 4096
"""Letters of a text that are searched for the cause."""
_PLAIN = {
    "Invalid function definition": "it declares no function, variable or type",
    "Invalid declaration": "it declares no function, variable or type",
}
_OF_CPP = re.compile(
    r"\bextern\s*\"C\"|\b(?:class|namespace|template|typename|using|operator|constexpr|virtual)\b|::|&&?|->"
)
_DECLARATOR = re.compile(r"(?<![\w.])(?P<type>[A-Za-z_]\w*)(?=\s+\**\s*[A-Za-z_]|\s*\*+\s*[A-Za-z_,)]|\s*[,)])")
_RESULT = re.compile(r"(?:^|[;}])\s*(?P<type>[A-Za-z_]\w*)\s*\**\s*\(")
"""A result's type in front of parameters, where a prototype has no name."""
_TAGS = re.compile(r"\b(?:struct|union|enum)\s+\w+|\{[^{}]*\}")
_C = frozenset(
    "auto char const double enum extern float if inline int long register restrict return short signed sizeof static"
    " struct typedef union unsigned void volatile _Bool _Complex _Noreturn _Atomic bool".split()
)
_SAID = (
    ("recursion depth", "it is nested too deeply"),
    ("unexpected <FuncDef>", "a function's body, or its parameters in K&R's way: declare it, with a semicolon"),
    ("unexpected <StaticAssert>", "`_Static_assert' is not evaluated here: leave it out"),
    ("Directives not supported", "directives are a preprocessor's: give the path of a header"),
    ("only supports one of the following", "a macro has to be a whole number: give the path of a header for others"),
    ("should appear on the first", "the constants of an enumeration are declared once, where it is first mentioned"),
    ("after compilation", "`...' leaves it to a compiler what is there: write that out"),
    ("expected a simple numeric constant", "a constant has to be of numbers and of constants of enumerations"),
)
"""Words of cffi's -> what is said in their place."""


class Fault(NamedTuple):
    """A fault, and the line that it is in, or 0."""

    line: int
    reason: str


def fault_of(error: Exception, text: str, types: Iterable[str], lines_before: int = 0) -> Fault:
    """Return what is wrong with a text by cffi's error.

    `types` are the names of those that are declared; `lines_before` are lines that only cffi sees in front of it.
    """
    words = str(error)
    found = _PLACE.search(words)
    line = max(int(found[1] or 0) - lines_before, 0) if found is not None else 0
    words = " ".join(_ADVICE.sub("", _PLACE.sub(f"line {line or 1}", words)).split())
    said = next((plain for theirs, plain in _SAID if theirs in words), "")
    place = f"line {line}: " if line else ""
    if "At end of input" in words:
        line = text.rstrip().count("\n") + 1
        return Fault(line, f"line {line}: it ends too early")
    if isinstance(error, MemoryError):
        return Fault(line, "it takes more memory than there is")
    if type(error).__name__ == "VerificationMissing":
        return Fault(line, f"`{error}' has `...', which leaves it to a compiler what is there: write that out")
    if not words or isinstance(error, (AssertionError, AttributeError)):  # of cffi's own code
        return Fault(line, "it cannot be read")
    if said:
        return Fault(line, place + said)
    if (at := _AT.search(words)) is not None:
        known = {*types, *COMMON_TYPES, *PrimitiveType.ALL_PRIMITIVE_TYPES, *_ENDS.findall(text[:_LONGEST])}
        shown = (at["text"] or text)[:_LONGEST]
        reason = _at(shown, at["token"] or "", at["problem"] or "", known)
        if not line and (cause := _QUOTED.search(reason)):
            line = text.count("\n", 0, text.find(cause[1])) + 1
        return Fault(line, f"line {line or 1}: {reason}"[:200])
    return Fault(line, words[:200])


def _at(text: str, token: str, problem: str, known: set[str]) -> str:
    """Return what is wrong with a line, by the token that the parser ended at, or by its own words."""
    if problem.startswith("Illegal character"):
        return f"C has no {problem.removeprefix('Illegal character ')} there"
    if cpp := _OF_CPP.search(text):
        return f"`{cpp[0]}' is of C++, and what is read here is C"
    if missing := _unknown(text, known):
        return f"`{missing}' is no type that is declared"
    if token:
        return f"it is not C at `{token}'"
    return _PLAIN.get(problem, problem[:1].lower() + problem[1:])


def _unknown(text: str, known: set[str]) -> str:
    """Return the first name in the place of a type that is none; empty where there is none."""
    text = _TAGS.sub("int", text)
    for found in (*_RESULT.finditer(text), *_DECLARATOR.finditer(text)):
        name = found["type"]
        if name not in _C and name not in known and not _is_parameter(text, found.start("type")):
            return name
    return ""


def _is_parameter(text: str, at: int) -> bool:
    """Return True for a name behind a type: the name of a parameter, or of a function."""
    before = text[:at].rstrip()
    return bool(before) and (before[-1] == "*" or before[-1].isalnum() or before[-1] == "_")
