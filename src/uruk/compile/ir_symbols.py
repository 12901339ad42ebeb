"""The symbols of a module of LLVM IR, read from its canonical text: llvmlite has no list of aliases and IFUNCs.

LLVM prints one global value a line (LangRef, "Global Variables", "Functions", "Aliases", "IFuncs"); a name in quotation
marks has every odd character as two hexadecimal digits, so no name contains a quotation mark.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

_NAME = r'@(?P<name>"[^"]*"|[-\w$.]+)'
_IN_BRACKETS = r"(?:(?<=thread_local)|(?<=addrspace))\([^)]*\)"
VALUE = re.compile(rf"^{_NAME} = (?P<words>(?:[^@\"{{(]|{_IN_BRACKETS})*)", re.MULTILINE)
FUNCTION = re.compile(rf'^define (?P<words>(?:[^@"\n]|"[^"]*")*?){_NAME}\(', re.MULTILINE)
_HIDDEN_BYTE = re.compile(r"\\([0-9A-Fa-f]{2})")
_LEFT_OUT = frozenset(("private", "internal", "available_externally", "external", "extern_weak", "appending"))
_WEAK = frozenset(("weak", "weak_odr", "linkonce", "linkonce_odr"))
KINDS = frozenset(("global", "constant", "alias", "ifunc"))
_STRING = re.compile(r'"[^"\n]*"')
_ASSEMBLY = re.compile(r"^module asm |\basm (?:sideeffect |alignstack |inteldialect |unwind )*\"", re.MULTILINE)
_ALIASED = re.compile(rf", [^@\"]*{_NAME}(?:, partition .*)?$")
_LONGEST_CHAIN = 8
"""Aliases of aliases that are followed."""

_WITH_TYPES = re.compile(r"^!\d+ = .*DICompileUnit\(.*emissionKind: FullDebug", re.MULTILINE)
_DEBUG_INFO = re.compile(r",? !dbg !\d+(?= |$)", re.MULTILINE)
"""A global value's mark of debug information, which tells no types where it is of lines alone, or left out."""
_STRUCTURE = re.compile(r'^(%(?:"[^"\n]*"|[-\w$.]+)) = type (.*)$', re.MULTILINE)
_TYPE_TOKEN = re.compile(r'"[^"]*"|\s+|[(\[{<]|[)\]}>]|[^\s"(\[{<)\]}>]+')

Definition: TypeAlias = "tuple[str, str]"
"""The line that defines a function: what stands between ``define`` and the name, and what follows the bracket that
opens its parameters."""


@dataclass(frozen=True)
class IRVariable:
    """The type of a variable as LLVM prints it, and what the names of structures in it stand for."""

    type: str
    constant: bool
    named: Mapping[str, str]


@dataclass(frozen=True)
class IRSymbol:
    """One symbol that a module defines: `binding` is ``strong``, ``weak`` or ``common``.

    `definition` is the line that defines a function, or the one that it is an alias of; None for other symbols.
    `variable` is a variable's type; None for other symbols, and for variables with debug information.
    """

    name: str
    binding: str
    hidden: bool
    callable: bool
    definition: Definition | None = None
    variable: IRVariable | None = None


def has_debug_info(definition: Definition) -> bool:
    """Return True for a function whose object will have debug information of it, with types."""
    return " !dbg !" in definition[1]


def symbols_of(text: str) -> dict[str, IRSymbol]:
    """Return the symbols by name, of a module's canonical text; no declarations, nothing private or internal."""
    symbols: dict[str, IRSymbol] = {}
    functions: dict[str, Definition] = {}
    aliases: dict[str, str] = {}
    structures = dict(_STRUCTURE.findall(text))
    text = text if _WITH_TYPES.search(text) else _DEBUG_INFO.sub("", text)
    for match in VALUE.finditer(text):
        words = match["words"].split()
        kind = next((word for word in words if word in KINDS), "")
        if kind:
            types = " ".join(words[words.index(kind) + 1 :])
            is_code = kind == "ifunc" or (kind == "alias" and text[match.end() : match.end() + 1] == "(")
            before = words[: words.index(kind)]
            _add(symbols, match["name"], before, is_code or types.endswith("*)"))
            if kind in ("global", "constant") and (name := _plain(match["name"])) in symbols:
                variable = _variable(text, match.start("words"), kind, structures)
                symbols[name] = replace(symbols[name], variable=variable)
            if kind == "alias" and (target := _ALIASED.search(_line(text, match.end()))):
                aliases[match["name"]] = target["name"]
    for match in FUNCTION.finditer(text):
        functions[match["name"]] = match["words"], _line(text, match.end())
        _add(symbols, match["name"], _STRING.sub("", match["words"]).split(), True)
    _define(symbols, functions, aliases)
    return symbols


def _line(text: str, start: int) -> str:
    """Return the rest of the line."""
    end = text.find("\n", start)
    return text[start:] if end < 0 else text[start:end]


def _variable(text: str, start: int, kind: str, named: Mapping[str, str]) -> IRVariable | None:
    """Return a variable's type; None for one that has debug information, and for a thread-local, whose address differs
    from thread to thread."""
    line = _line(text, start)
    words, _, rest = line.partition(f"{kind} ")
    if "thread_local" in words or ", !dbg !" in line:
        return None
    return IRVariable(_first_type(rest), kind == "constant", named)


def _first_type(text: str) -> str:
    """Return the type that a text begins with; behind it may be megabytes of a value."""
    depth = end = 0
    for match in _TYPE_TOKEN.finditer(text):
        token = match[0]
        if not depth and token.isspace():
            break
        depth += {"(": 1, "[": 1, "{": 1, "<": 1}.get(token, -1 if token in ")]}>" else 0)
        end = match.end()
    behind = text[end : end + 11].lstrip()
    # What pointers point to was in their types up to LLVM 14: `i32 (i32)* @f`.
    return (
        f"{text[:end]} {behind[:10]}" if behind.startswith("addrspace(") else "ptr" if behind[:1] == "(" else text[:end]
    )


def _define(symbols: dict[str, IRSymbol], functions: dict[str, Definition], aliases: dict[str, str]) -> None:
    """Give functions their definitions, and aliases those of the functions that they are other names of."""
    for name in (*functions, *aliases):
        function = name
        for _ in range(_LONGEST_CHAIN):
            function = aliases.get(function, function)
        plain = _plain(name)
        if plain in symbols and function in functions:
            symbols[plain] = replace(symbols[plain], definition=functions[function])


def _add(symbols: dict[str, IRSymbol], quoted: str, words: list[str], is_code: bool) -> None:
    name = _plain(quoted)
    if name.startswith("llvm.") or not _LEFT_OUT.isdisjoint(words):
        return
    binding = "common" if "common" in words else "weak" if not _WEAK.isdisjoint(words) else "strong"
    symbols[name] = IRSymbol(name, binding, "hidden" in words, is_code)


def _plain(quoted: str) -> str:
    """Return a name as the object has it: a leading byte 1 only says that nothing is to be put before it."""
    if not quoted.startswith('"'):
        return quoted
    raw = _HIDDEN_BYTE.sub(lambda match: chr(int(match[1], 16)), quoted[1:-1])
    data = (
        bytes(ord(character) for character in raw)
        if all(ord(character) < 256 for character in raw)
        else raw.encode("utf-8")
    )
    return data.decode("utf-8", "surrogateescape").removeprefix("\x01")


def has_initialisers(text: str) -> bool:
    """Return True if a module has constructors or destructors."""
    return any(re.search(rf"^@llvm\.global_{kind} = appending", text, re.MULTILINE) for kind in ("ctors", "dtors"))


def has_assembly(text: str) -> bool:
    """Return True if a module has assembly, of its own or inline."""
    return _ASSEMBLY.search(text) is not None
