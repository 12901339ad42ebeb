"""Arrays of C as numpy has them: item types and shapes, and rows whose members are attributes."""

from __future__ import annotations

from typing import Any

import numpy as np

from uruk.executor.layouts import Layout


class Row(np.void):
    """An item of an array of structures: its members are items, as numpy has them, and attributes."""

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("__") and name != "dtype":
            names = super().__getattribute__("dtype").names
            if names and name in names:
                return self[name]
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in (self.dtype.names or ()):
            raise AttributeError(f"no member `{name}'", name=name, obj=self)
        self[name] = value


def array_type(layout: Layout) -> tuple[np.dtype[Any], tuple[int, ...]] | None:
    """Return the item type and shape of an array; None for items that numpy has no type for."""
    shape: list[int] = []
    while layout.item is not None:
        shape.append(layout.size // layout.item.size)
        layout = layout.item
    kind = _item_type(layout)
    return None if kind is None else (kind, tuple(shape))


def _item_type(layout: Layout) -> np.dtype[Any] | None:
    if layout.members:
        return _row_type(layout)
    if layout.item is not None:
        found = array_type(layout)
        return None if found is None else np.dtype(found)
    if layout.is_float and layout.long_double is None:
        return np.dtype(f"<f{layout.size}")
    if layout.is_complex:
        return np.dtype(f"<c{layout.size}")
    if layout.kind.cname == "_Bool" and layout.bits is None:
        return np.dtype(np.bool_)
    if layout.bits is not None or layout.size > 8:
        return None
    return np.dtype(f"<{'i' if layout.is_signed else 'u'}{layout.size}")


def _row_type(layout: Layout) -> np.dtype[Any] | None:
    formats = [_item_type(member) for _, _, member in layout.members]
    if any(each is None for each in formats):  # numpy takes None for float64
        return None
    names = [name for name, _, _ in layout.members]
    offsets = [offset for _, offset, _ in layout.members]
    members: Any = {"names": names, "formats": formats, "offsets": offsets, "itemsize": layout.size}
    return np.dtype((Row, np.dtype(members)))
