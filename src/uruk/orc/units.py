"""Materialization units: symbols that are known now, and an object that is made when one of them is needed.

class Squares(uruk.MaterializationUnit):
    symbols = {"square": uruk.SymbolFlags.EXPORTED | uruk.SymbolFlags.CALLABLE}

    def materialize(self, responsibility):
        return my_compiler("square")        # the bytes of an object, a path, or several of them

jit.add_unit(Squares())
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from concurrent.futures import Future

    from uruk.orc.dylib import JITDylib
    from uruk.orc.registry.entries import Unit
    from uruk.orc.registry.symbol_flags import SymbolFlags

Bytes: TypeAlias = "bytes | bytearray | memoryview"
OneObject: TypeAlias = "str | os.PathLike[str] | Bytes"
Objects: TypeAlias = "OneObject | Sequence[OneObject] | None"


class MaterializationUnit:
    """Derive from it, or give a function to `FunctionUnit`.

    `name` is what errors and dumps call it. `symbols` is read once, when the unit is added: symbol name -> flags.
    A symbol that another definition takes (a strong one from a weak one) is discarded: it is not asked for any more.
    """

    name: str = ""
    symbols: Mapping[str, SymbolFlags] = {}
    initializes: bool = False
    """It has initialisers: it is made, and they run, with the next lookup, even if nothing refers to it."""

    defines_more: bool = False
    """Its objects may define more than `symbols` says; those are recorded as definitions of any object."""

    def materialize(self, responsibility: MaterializationResponsibility) -> Objects | Future[Objects]:
        """Make what defines the symbols: called at most once at a time, when one of them is needed, in any thread.

        Returns the bytes or the path of a relocatable object, several of them, a Future of that, or None where all was
        handed to `responsibility`. May look other symbols up. What it raises is the error of whoever needs the symbols;
        a later lookup that needs them calls it again.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method materialize")

    def discard(self, name: str) -> None:
        """Note that another definition took `name`. Called with the session locked: look nothing up here.

        What it raises is the error of whoever needs the unit from then on.
        """


class FunctionUnit(MaterializationUnit):
    """A unit of a function: ``FunctionUnit({"f": flags}, lambda responsibility: data)``."""

    def __init__(
        self,
        symbols: Mapping[str, SymbolFlags],
        make: Callable[[MaterializationResponsibility], Objects | Future[Objects]],
        name: str = "",
    ) -> None:
        self.symbols = symbols
        self.name = name or f"unit of {getattr(make, '__qualname__', repr(make))}"
        self._make = make

    def materialize(self, responsibility: MaterializationResponsibility) -> Objects | Future[Objects]:
        """See `MaterializationUnit.materialize`."""
        return self._make(responsibility)


class MaterializationResponsibility:
    """The symbols that a unit was asked for; it hands in here what it made. Of use until `materialize` is done."""

    def __init__(self, dylib: JITDylib, symbols: dict[str, SymbolFlags], requested: frozenset[str]) -> None:
        self.dylib = dylib
        """The dylib whose symbols these are."""
        self.symbols = symbols
        """The symbols to be delivered: the announced symbols less the discarded ones."""
        self.requested = requested
        """Those of the names that have been requested by now."""
        self.emitted: list[tuple[str, OneObject]] = []
        self.defined: dict[str, int] = {}
        self.delegated: list[tuple[Unit, tuple[str, ...]]] = []

    def emit(self, source: OneObject, name: str = "") -> None:
        """Hand in an object: bytes or a path; `name` is what errors call it."""
        self.emitted.append((name, source))

    def define(self, name: str, address: int) -> None:
        """Deliver a symbol as an address that is known already."""
        self.defined[name] = address

    def delegate(self, unit: Unit) -> None:
        """Leave some symbols to another unit, which announces them, and is asked when they are needed."""
        self.delegated.append((unit, tuple(unit.symbols)))
