"""Overloads of C++: the function of several that takes the arguments of a call, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from uruk.c_types.cffi_values import size_of
from uruk.errors import InvalidType

if TYPE_CHECKING:
    from uruk.debug_info.interface import Linked
    from uruk.debug_info.signatures import Signature

_NO = 9
"""The rank of a parameter that does not take an argument."""
_FLOATS = ("float", "double", "long double")


class Overloads:
    """Functions of C++ that share a name. A call chooses the one whose parameters take the arguments best.

    `kind_of` gives cffi's type of a text.
    """

    def __init__(
        self, name: str, candidates: Sequence[tuple[Linked, Signature | None]], kind_of: Callable[[str], Any]
    ) -> None:
        self.name = name
        self.candidates = tuple(symbol for symbol, _ in candidates)
        """All of them, those that need a prototype included."""
        self._typed = [(symbol, signature) for symbol, signature in candidates if signature is not None]
        self._kinds = [kind_of(signature.pointer).args for _, signature in self._typed]

    def __call__(self, *arguments: Any) -> Any:
        """Call the function that takes these arguments. Raises InvalidType, with all candidates, if not one does."""
        return self.choose(*arguments)(*arguments)

    def choose(self, *arguments: Any) -> Linked:
        """Return the function that a call with these arguments means. Raises InvalidType."""
        ranked: list[tuple[list[int], Linked]] = []
        for (symbol, _), kinds in zip(self._typed, self._kinds, strict=True):
            if len(kinds) == len(arguments):
                ranks = [_rank(kind, value) for kind, value in zip(kinds, arguments, strict=True)]
                if _NO not in ranks:
                    ranked.append((ranks, symbol))
        best = [one for one in ranked if all(_is_better(one[0], other[0]) for other in ranked if other is not one)]
        if len(best) == 1:
            return best[0][1]
        given = ", ".join(type(each).__name__ for each in arguments)
        problem = "several functions take" if ranked else "no function takes"
        raise InvalidType(f"{self.name}({given}): {problem} these arguments; look one up by its name:\n{self._list()}")

    def _list(self) -> str:
        from uruk.demangle import demangle

        return "\n".join(f'  lookup("{demangle(symbol.name)}")' for symbol in self.candidates)

    @property
    def __name__(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.name

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self.candidates)} overloads>"


def _is_better(left: list[int], right: list[int]) -> bool:
    """Return True if a function is better than another one: for one argument at least, and worse for none."""
    return left != right and all(one <= other for one, other in zip(left, right, strict=True))


def _rank(kind: Any, value: Any) -> int:
    """Return how far a parameter is from an argument: 0 is what it is made for."""
    if isinstance(value, (bool, np.bool_)):
        return _of_number(kind, 0, 1, 2)
    if isinstance(value, (int, np.integer)):
        return _of_number(kind, 2, 0, 1)
    if isinstance(value, (float, np.floating)):
        return _of_float(kind, int(memoryview(np.asarray(value)).itemsize))
    pointer = kind.kind in ("pointer", "function")
    if value is None:
        return 0 if pointer else _NO
    if isinstance(value, (str, bytes)):
        to_char = pointer and kind.kind == "pointer" and kind.item.cname.endswith("char")
        return 0 if to_char else 1 if pointer else _NO
    if isinstance(value, np.ndarray):
        return _of_array(kind, cast("np.ndarray[Any, np.dtype[Any]]", value))
    if kind.kind in ("struct", "union"):
        return 0 if _has_members(kind, value) else _NO
    return 0 if pointer and not isinstance(value, (dict, tuple, complex)) else _NO


def _of_number(kind: Any, boolean: int, integer: int, floating: int) -> int:
    if kind.cname == "_Bool":
        return boolean
    if kind.kind == "enum":
        return integer + 1
    if kind.kind != "primitive":
        return _NO
    return floating if kind.cname in _FLOATS else integer


def _of_float(kind: Any, size: int) -> int:
    """Return how far a parameter is from a number of so many bytes; a float of Python's is a double."""
    if kind.cname not in _FLOATS:
        return _NO
    return 0 if size_of(kind) == size else 1


def _of_array(kind: Any, array: np.ndarray[Any, np.dtype[Any]]) -> int:
    """Return how far a pointer is from an array, by the items of both."""
    if kind.kind != "pointer":
        return _NO
    item = kind.item
    if item.kind != "primitive":
        return 1
    is_same = size_of(item) == array.itemsize and (item.cname in _FLOATS) == (array.dtype.kind == "f")
    return 0 if is_same else _NO


def _has_members(kind: Any, value: Any) -> bool:
    """Return True if a value may be a structure's: a structure of that type, or members by name or in order."""
    names = {name for name, _ in kind.fields or ()}
    if isinstance(value, dict):
        return set(map(str, value)) <= names  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(value, (tuple, list)):
        return len(value) <= len(names)  # pyright: ignore[reportUnknownArgumentType]
    own = getattr(getattr(value, "layout", None), "kind", None)  # of another process
    if own is not None:
        return own.cname == kind.cname
    return kind.cname in repr(value) and all(hasattr(value, name) for name in names)
