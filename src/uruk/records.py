"""Records are dataclasses of which nothing is made before many instances are, and then `__init__` alone.

`dataclass` takes some 0.2 ms for each class while its module is imported. A session imports nearly 80 such classes and
makes instances of 14 of them to start, of 45 in another process: that was a fifth of uruk's share of the start. An
`__init__` takes a quarter of it, as long as ten instances that are filled without one. The first question for the
fields of a class has `dataclass` make the rest. Only then `dataclasses` is imported, which takes as long as three
modules of uruk's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from uruk.errors import InvalidType
from uruk.named_tuples import NamedTuple

RecordT = TypeVar("RecordT")

if TYPE_CHECKING:
    from dataclasses import Field
    from dataclasses import field as field

    from typing_extensions import dataclass_transform
else:

    def field(**given: Any) -> _Given:
        """Say more of a field than its type; see `dataclasses.field`. Only these three words are taken."""
        return _Given(**given)

    def dataclass_transform(**_: object) -> Callable[[RecordT], RecordT]:
        """Tell type checkers what `record` does (PEP 681); there is none in Python 3.10."""
        return lambda decorator: decorator


_FIELDS = "__dataclass_fields__"
_MISSING: Any = object()
"""The default of a field that has none."""
_completing = threading.RLock()
FEW = 6
"""Instances that are made before an `__init__` is worth its compilation; most classes have fewer."""


class _Given:
    """The words that a field of a record was made of."""

    def __init__(self, *, default: Any = _MISSING, default_factory: Any = _MISSING, kw_only: bool = False) -> None:
        self.makes = default_factory is not _MISSING
        self.default = default_factory if self.makes else default
        self.kw_only = kw_only

    def of_dataclass(self) -> Any:
        """Return the same as `dataclass` has it."""
        import dataclasses

        if self.default is _MISSING:
            return dataclasses.field(kw_only=self.kw_only)
        if self.makes:
            return dataclasses.field(default_factory=self.default, kw_only=self.kw_only)
        return dataclasses.field(default=self.default, kw_only=self.kw_only)


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def record(cls: type[RecordT]) -> type[RecordT]:
    """Decorate a class as ``dataclass(eq=False, repr=False)`` does.

    Fields may have defaults and factories and may be `kw_only`; a class may have ClassVars and `__post_init__`.
    """

    parameters: dict[str, _Parameter] = {}
    left = FEW

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        nonlocal left
        left -= 1  # in several threads at once this may count less than all
        if not parameters:
            parameters.update(_parameters(cls))
        if left < 0 or not _fill(self, parameters, args, kwargs):
            made: Any = cls
            made.__init__ = _initializer(cls)  # two threads may come here at once: their functions do the same
            made.__init__(self, *args, **kwargs)

    cls.__init__ = first
    setattr(cls, _FIELDS, _Fields(cls))
    return cls


def field_names(cls: type) -> tuple[str, ...]:
    """Return the names of a record's fields, in order; the class is not completed for it."""
    return tuple(_parameters(cls))


def replace(value: RecordT, /, **changes: Any) -> RecordT:
    """Return a record with other values for some fields, as `dataclasses.replace` does; the class is not completed."""
    return type(value)(**{name: getattr(value, name) for name in field_names(type(value))} | changes)


class Values:
    """Base of records whose instances are equal if all their fields are, and are shown by them."""

    __hash__ = None  # type: ignore[assignment]  # as `dataclass` has it for what may change

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in field_names(type(self))}

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == cast("Values", other)._values()

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self._values().items())
        return f"{type(self).__qualname__}({shown})"


class Unique:
    """Base of what owns memory or other things of a process, of which there can be no second one."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> Any:
        """Raise InvalidType, for `copy` and `pickle`; a copy would give back what the first one uses."""
        raise InvalidType(f"{type(self).__qualname__} is neither copied nor pickled: it owns what a process has once")


class _Fields:
    """Stands for the fields of a record until `dataclasses` asks for them, which completes the class."""

    def __init__(self, cls: type) -> None:
        self._cls = cls

    def __get__(self, instance: object, owner: type) -> dict[str, Field[Any]]:
        with _completing:
            if vars(self._cls)[_FIELDS] is self:
                _complete(self._cls)
        return vars(self._cls)[_FIELDS]


def _complete(cls: type) -> None:
    """Take the fields of a twin, so that other threads never see a class that is half made."""
    from dataclasses import dataclass

    skipped = ("__dict__", "__weakref__", _FIELDS)
    body = {name: value for name, value in vars(cls).items() if name not in skipped}
    body |= {name: value.of_dataclass() for name, value in body.items() if isinstance(value, _Given)}
    twin = type(cls.__name__, cls.__bases__, body)
    made: Any = dataclass(init=False, eq=False, repr=False)(twin)
    completed: Any = cls
    completed.__init__ = _initializer(cls)  # whose signature is that of `dataclass`
    for name in ("__dataclass_params__", "__match_args__", _FIELDS):
        setattr(cls, name, vars(made)[name])


class _Parameter(NamedTuple):
    """A field as `__init__` needs it. `default` is `_MISSING` without one; `makes`: it is a function that makes one."""

    default: Any
    makes: bool
    keyword_only: bool

    @classmethod
    def of(cls, value: Any) -> _Parameter:
        """Return that of a field whose class has this value for its name."""
        if isinstance(value, _Given):
            return cls(value.default, value.makes, value.kw_only)
        # What `dataclasses.field` makes is as good, at the cost of that import.
        return cls.of_dataclass(value) if type(value).__module__ == "dataclasses" else cls(value, False, False)

    @classmethod
    def of_dataclass(cls, field: Field[Any]) -> _Parameter:
        """Return that of a field of a class that `dataclass` has made, or has completed."""
        from dataclasses import MISSING

        makes = field.default_factory is not MISSING
        default: Any = field.default_factory if makes else field.default
        return cls(_MISSING if default is MISSING else default, makes, field.kw_only is True)


def _parameters(cls: type) -> dict[str, _Parameter]:
    """Return the fields of a record, those of its bases first."""
    parameters: dict[str, _Parameter] = {}
    for base in reversed(cls.__mro__):
        own = vars(base).get(_FIELDS)
        if isinstance(own, _Fields):
            names = (name for name, kind in base.__annotations__.items() if not kind.startswith("ClassVar"))
            parameters.update((name, _Parameter.of(vars(base).get(name, _MISSING))) for name in names)
        elif own is not None:
            from dataclasses import fields  # which leaves ClassVars out

            parameters.update((each.name, _Parameter.of_dataclass(each)) for each in fields(cast("Any", base)))
    return parameters


def _fill(self: Any, parameters: dict[str, _Parameter], args: tuple[Any, ...], given: dict[str, Any]) -> bool:
    """Do what the class's `__init__` would; False, with nothing done, for arguments that it has to refuse."""
    names = [name for name, parameter in parameters.items() if not parameter.keyword_only] if args else []
    values = {**dict(zip(names, args, strict=False)), **given}
    if len(values) != len(args) + len(given) or not values.keys() <= parameters.keys():
        return False
    if any(parameter.default is _MISSING and name not in values for name, parameter in parameters.items()):
        return False
    for name, parameter in parameters.items():
        default = parameter.default
        setattr(self, name, values[name] if name in values else default() if parameter.makes else default)
    if hasattr(self, "__post_init__"):
        self.__post_init__()
    return True


def _initializer(cls: type) -> Callable[..., None]:
    """Return the `__init__` that `dataclass` would write."""
    values: dict[str, Any] = {"MISSING": _MISSING}
    heads: dict[bool, list[str]] = {False: ["self"], True: []}
    body: list[str] = []
    for name, parameter in _parameters(cls).items():
        default = f"default_{name}"
        values[default] = parameter.default
        shown = "" if parameter.default is _MISSING else "=MISSING" if parameter.makes else f"={default}"
        heads[parameter.keyword_only].append(name + shown)
        body.append(f" self.{name} = {f'{default}() if {name} is MISSING else {name}' if parameter.makes else name}")
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    head = ", ".join([*heads[False], *(["*", *heads[True]] if heads[True] else [])])
    exec("\n".join([f"def __init__({head}):", *(body or [" pass"])]), values)
    initializer: Callable[..., None] = values["__init__"]
    initializer.__qualname__ = f"{cls.__qualname__}.__init__"
    return initializer
