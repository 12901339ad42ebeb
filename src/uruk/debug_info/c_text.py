"""Types as C text: declarators, names that C and cffi take, base types."""

from __future__ import annotations

import re

from uruk.records import record

_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register"
    " offsetof restrict return short signed sizeof static struct switch typedef union unsigned void volatile while"
    " _Bool _Complex _Noreturn _Thread_local _Static_assert _Atomic _Alignas _Alignof _Pragma __int128".split()
)
STANDARD = {
    **{f"{sign}int{8 * size}_t": size for sign in ("", "u") for size in (1, 2, 4, 8)},
    **dict.fromkeys(("size_t", "ssize_t", "ptrdiff_t", "intptr_t", "uintptr_t"), 8),
    "bool": 1,
}
"""Names that cffi knows without a declaration, each with its size in bytes here."""
_SIGNED, _UNSIGNED, _SIGNED_CHAR, _UNSIGNED_CHAR, _UTF = 5, 7, 6, 8, 16
_BOOLEAN, _COMPLEX, _FLOAT = 2, 3, 4
"""Encodings of base types (DWARF 5, section 7.8)."""
_SPELLINGS = {
    "char": "char", "signed char": "signed char", "unsigned char": "unsigned char", "char8_t": "unsigned char",
    "short": "short", "short int": "short", "unsigned short": "unsigned short", "short unsigned int": "unsigned short",
    "int": "int", "unsigned int": "unsigned int", "unsigned": "unsigned int", "long": "long", "long int": "long",
    "unsigned long": "unsigned long", "long unsigned int": "unsigned long", "long long": "long long",
    "long long int": "long long", "unsigned long long": "unsigned long long",
    "long long unsigned int": "unsigned long long",
}  # fmt: skip
"""The names that compilers give integer types -> C."""
_SIZES = {"char": (1,), "short": (2,), "int": (4,), "long": (4, 8), "long long": (8,)}
LARGEST = 8
"""Bytes of the largest integer that is passed."""


@record
class CType:
    """A type: C text in front of a name and behind it, size and alignment in bytes, and what is known of its values.

    `refusal` says why no value of it can be passed, empty if it can be. Of an `unknown` type there is no text: a
    pointer to it is ``void *``. `label` is what people are shown in place of the text. A `bare` structure is declared
    without its members, so that none that contains it can have any.
    """

    before: str
    after: str = ""
    size: int = 0
    alignment: int = 1
    refusal: str = ""
    unknown: bool = False
    label: str = ""
    bare: bool = False

    def show(self, name: str = "") -> str:
        """Return the declaration of a name as people are shown it."""
        return CType(self.label).declare(name) if self.label else self.declare(name)

    def declare(self, name: str = "") -> str:
        """Return the declaration of a name of this type; the type alone without one."""
        blank = " " if name and not self.before.endswith(("*", "(")) else ""
        return f"{self.before}{blank}{name}{self.after}"

    def pointer(self) -> CType:
        """Return the type of pointers to it."""
        if self.unknown:
            return CType("void *", size=8, alignment=8, label=f"{self.label} *" if self.label else "")
        if self.after:
            return CType(f"{self.before} (*", f"){self.after}", 8, 8)
        return CType(f"{self.before}{'' if self.before.endswith('*') else ' '}*", size=8, alignment=8)

    def constant(self) -> CType:
        """Return the type with ``const``, which matters behind a pointer only."""
        if self.unknown or self.before.startswith("const ") or "*" in self.before:
            return self
        return CType(f"const {self.before}", self.after, self.size, self.alignment, self.refusal, bare=self.bare)

    def array(self, counts: list[int | None]) -> CType:
        """Return the type of arrays of it; None is a dimension without a size, the first one only."""
        size = self.size
        for count in counts:
            size *= count or 0
        after = "".join(f"[{'' if count is None else count}]" for count in counts)
        refusal = "an array is not passed by value"
        after += self.after
        return CType(self.before, after, size, self.alignment, refusal, self.unknown, self.label, self.bare)

    def function(self, parameters: list[CType], *, variadic: bool = False) -> CType:
        """Return the type of functions that return it."""
        texts = [each.declare() for each in parameters] + ["..."] * variadic
        return CType(self.before, f"({', '.join(texts) or 'void'}){self.after}", refusal="a function is not passed")


VOID = CType("void")
ADDRESS = VOID.pointer()


def unknown(refusal: str, size: int = 0, alignment: int = 1, label: str = "") -> CType:
    """Return a type that C text does not say."""
    return CType("void", "", size, alignment, refusal, unknown=True, label=label)


def base_type(name: str, encoding: int, size: int) -> CType:
    """Return a base type by what DWARF says of it; its name counts only where that is one of C's."""
    if encoding == _FLOAT:
        return _float(name, size)
    if encoding == _COMPLEX:
        text = {8: "float _Complex", 16: "double _Complex"}.get(size)
        refusal = f"`{name}' is a complex number, which cffi does not pass"
        return CType(text, "", size, size // 2, refusal) if text else unknown(refusal, size, size // 2)
    if encoding not in (_BOOLEAN, _SIGNED, _UNSIGNED, _SIGNED_CHAR, _UNSIGNED_CHAR, _UTF) or size not in (1, 2, 4, 8):
        what = "is an integer of 128 bits" if size == 2 * LARGEST else "is a type that C text has no name for"
        return unknown(f"`{name}' {what}", size, size)
    return CType(_integer(name, encoding, size), "", size, size)


def _integer(name: str, encoding: int, size: int) -> str:
    if encoding == _BOOLEAN:
        return "_Bool" if size == 1 else f"uint{8 * size}_t"
    text = _SPELLINGS.get(name, "")
    if text and size in _SIZES[re.sub(r"\b(?:un)?signed ?", "", text) or "int"]:
        return text
    if encoding == _UTF or name == "wchar_t":
        return {1: "unsigned char", 2: "char16_t", 4: "wchar_t" if name == "wchar_t" else "char32_t"}[size]
    return f"{'u' if encoding in (_UNSIGNED, _UNSIGNED_CHAR) else ''}int{8 * size}_t"


def _float(name: str, size: int) -> CType:
    if size in (4, 8):
        return CType("float" if size == 4 else "double", "", size, size)
    if name == "long double" and size == 16:
        return CType("long double", "", 16, 16)
    return unknown(f"`{name}' is a floating-point type that cffi does not pass", size, size)


def identifier(name: str) -> str:
    """Return a name as C takes it: ``geo::point`` is ``geo__point``."""
    text = re.sub(r"[^A-Za-z0-9_]", "_", name) or "unnamed"
    return f"{text}_" if text in _KEYWORDS else f"_{text}" if text[0].isdigit() else text
