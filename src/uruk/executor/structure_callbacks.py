"""Functions in structures that are passed: their addresses, for members that are pointers to functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from uruk.executor.layouts import Layout, Structure


def with_addresses(layout: Layout, value: Any, address: Callable[[Layout, Any], int]) -> Any:
    """Return a value for a type, with addresses for pointers to functions; the value itself where it has none.

    `address` returns that of a function, which may be one of Python's. Raises TypeError for what is no value of a type.
    """
    if layout.kind.kind == "function":
        return address(layout, value)
    if not has_functions(layout) or isinstance(value, Structure):
        return value
    if layout.item is not None:
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
            item = layout.item
            return [with_addresses(item, each, address) for each in cast("Sequence[Any]", value)]
        return value
    return {member[0]: with_addresses(member[2], each, address) for member, each in layout.given(value)}


def has_functions(layout: Layout) -> bool:
    """Return True if a type is a pointer to a function, or has one in it."""
    if layout.item is not None:
        return has_functions(layout.item)
    return layout.kind.kind == "function" or any(has_functions(member) for _, _, member in layout.members)
