"""Named tuples, for type checkers `typing`'s own, which get a `__new__` after some instances, as records do.

`typing` checks each field of such a class and compiles code for it while its module is imported: 0.1 to 0.2 ms a class,
of which a session imports 12, a program twice as many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple as NamedTuple
else:
    from _collections import _tuplegetter  # what `collections.namedtuple` takes: a property takes longer to read

    FEW = 6
    """Instances that are made before a `__new__` is worth its compilation."""
    _made: dict[type, int] = {}
    """The count of instances of each class, until then."""

    class _Fields(tuple):
        """The methods that all named tuples have."""

        __slots__ = ()

        def __new__(cls, *values: Any, **named: Any) -> _Fields:
            owner = next(known for known in cls.__mro__ if "_fields" in vars(known))
            made = _made[owner] = _made.get(owner, 0) + 1
            fields = owner._fields
            if made <= FEW and len(values) + len(named) <= len(fields):
                known = {**owner._field_defaults, **named}
                rest = fields[len(values) :]
                # Each word is of a field without a value, and each such field has a value: there is nothing to refuse.
                if known.keys() >= set(rest) >= named.keys():
                    return tuple.__new__(cls, (*values, *map(known.__getitem__, rest)))
            owner.__new__ = staticmethod(_maker(owner))  # two threads may come here at once: theirs do the same
            return owner.__new__(cls, *values, **named)

        @classmethod
        def _make(cls, values: Any) -> Any:
            return cls(*values)

        def _replace(self, **named: Any) -> Any:
            return type(self)(**{**self._asdict(), **named})

        def _asdict(self) -> dict[str, Any]:
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self) -> str:
            shown = ", ".join(f"{field}={value!r}" for field, value in self._asdict().items())
            return f"{type(self).__name__}({shown})"

        def __getnewargs__(self) -> tuple[Any, ...]:
            return tuple(self)

    def _maker(cls: type) -> Any:
        """Return the `__new__` that `typing` would write."""
        defaults: dict[str, Any] = cls._field_defaults
        values = {"tuple_new": tuple.__new__, **{f"default_{field}": value for field, value in defaults.items()}}
        head = "".join(f", {field}=default_{field}" if field in defaults else f", {field}" for field in cls._fields)
        exec(
            f"def __new__(cls{head}):\n return tuple_new(cls, ({''.join(f'{field}, ' for field in cls._fields)}))",
            values,
        )
        return values["__new__"]

    class _Kind(type):
        """Makes a named tuple, whose class is a plain one, of the body of a class that names `NamedTuple`."""

        def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
            fields = tuple(namespace.get("__annotations__", ()))
            defaults = {field: namespace.pop(field) for field in fields if field in namespace}
            getters = {field: _tuplegetter(number, f"Field number {number}") for number, field in enumerate(fields)}
            facts = {"_fields": fields, "_field_defaults": defaults, "__match_args__": fields, "__slots__": ()}
            return type(name, (_Fields,), {**getters, **facts, **namespace})

    NamedTuple = type.__new__(_Kind, "NamedTuple", (), {"__doc__": "A class of named tuples has it for its base."})
