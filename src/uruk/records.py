"""Records are dataclasses whose `__init__` is made when the first one of a class is.

`dataclass` writes and compiles source text for each class, some 0.2 ms, while its module is imported. A session
imports nearly 80 such classes and needs 14 of them to start; that was a fifth of uruk's share of the start.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

RecordT = TypeVar("RecordT")

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[RecordT], RecordT]:
        """Tell type checkers what `record` does (PEP 681); there is none in Python 3.10."""
        return lambda decorator: decorator


_waiting: set[type] = set()
"""Classes of which there was no instance yet."""
_completing = threading.RLock()


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def record(cls: type[RecordT]) -> type[RecordT]:
    """Decorate a class as ``dataclass(eq=False, repr=False)`` does, at the first use of it."""

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        complete(cls)
        cast("Any", cls).__init__(self, *args, **kwargs)

    cls.__init__ = first
    _waiting.add(cls)
    return cls


def complete(cls: type) -> None:
    """Make a record class what `dataclass` makes of it, for those who ask for its fields; and its base classes."""
    with _completing:
        for base in reversed(cls.__mro__):
            if base in _waiting:
                _complete(base)
                _waiting.remove(base)


def _complete(cls: type) -> None:
    """Take the fields and `__init__` of a twin, so that other threads never see a class that is half made."""
    skipped = ("__dict__", "__weakref__", "__init__")
    twin = type(cls.__name__, cls.__bases__, {name: value for name, value in vars(cls).items() if name not in skipped})
    made: Any = dataclass(eq=False, repr=False)(twin)
    made.__init__.__qualname__ = f"{cls.__qualname__}.__init__"
    for name in ("__dataclass_fields__", "__dataclass_params__", "__match_args__", "__init__"):
        setattr(cls, name, made.__dict__[name])
