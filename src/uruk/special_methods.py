"""Special methods of values, such as `__index__`."""

from __future__ import annotations


def has_method(value: object, name: str) -> bool:
    """Return True if a special method works for a value. A class has those of its instances as attributes."""
    return hasattr(type(value), name)
