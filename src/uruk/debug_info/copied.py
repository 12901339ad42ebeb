"""Structures of another process as cffi has them, where uruk does not lay them out itself: those with bit-fields."""

from __future__ import annotations

from typing import Any


class CopiedStructure:
    """A copy of a structure or union. Its members are attributes, and to set one is an error: nothing would change."""

    __slots__ = ("_data", "_value")

    def __init__(self, value: Any, data: bytes) -> None:
        object.__setattr__(self, "_value", value)
        object.__setattr__(self, "_data", data)

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(self._value, name)
        except AttributeError:
            raise AttributeError(f"no member `{name}'") from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"`{name}' is not set: this is a copy; store the variable as a whole")

    def __dir__(self) -> list[str]:
        return dir(self._value)

    def __bytes__(self) -> bytes:
        return self._data

    def __repr__(self) -> str:
        return f"<copy of {self._value!r}>"
