"""Items of arrays as C has them: numpy would cut floats, read numbers out of texts, and leave upper bits out."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from uruk.special_methods import has_method

_TAKEN = {"b": "biu", "i": "biu", "u": "biu", "f": "biuf", "c": "biufc"}
"""Kinds of items, as numpy has them -> the kinds of the numbers that they take."""
_WORDS = {"b": "0 and 1", "i": "integers", "u": "integers", "f": "numbers", "c": "complex numbers"}


def check_items(value: Any, dtype: np.dtype[Any]) -> None:
    """Raise TypeError or OverflowError for what an array of numbers does not take: a value, or one of a sequence."""
    if dtype.kind not in _TAKEN:
        return
    given = np.asarray(value) if _is_array(value) else np.asarray(value, object)
    if given.dtype.kind != "O":
        if given.dtype.kind not in _TAKEN[dtype.kind]:
            raise TypeError(f"its items are {_WORDS[dtype.kind]}, not {given.dtype}")
        if given.size and dtype.kind in "biu" and not np.can_cast(given.dtype, dtype):
            _check_range((int(given.min()), int(given.max())), dtype)
        return
    for each in given.flat:
        if not _is_number(each, dtype.kind):
            raise TypeError(f"its items are {_WORDS[dtype.kind]}, not {type(each).__name__}")
    if dtype.kind in "biu":
        _check_range(map(_integer, given.flat), dtype)


def _is_array(value: Any) -> bool:
    try:
        memoryview(value)
    except TypeError:
        return hasattr(value, "__array__")
    return True


def _is_number(value: Any, kind: str) -> bool:
    ways = ("__index__",) if kind in "biu" else ("__index__", "__float__")
    if kind == "c":
        ways = (*ways, "__complex__")
    return isinstance(value, np.bool_) or any(has_method(value, way) for way in ways)


def _integer(value: Any) -> int:
    return index(value) if has_method(value, "__index__") else int(value)  # numpy's bool has none


def _check_range(values: Any, dtype: np.dtype[Any]) -> None:
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for each in values:
        if not low <= each <= high:
            raise OverflowError(f"{each} does not fit items of `{dtype}'")
