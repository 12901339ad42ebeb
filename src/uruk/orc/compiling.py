"""Sources as definitions: compiled when they are needed if their symbols are known, and at once if they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from uruk.errors import UrukError
from uruk.orc import defining
from uruk.orc.dispatch import InlineDispatcher, Task
from uruk.orc.symbols import SymbolFlags
from uruk.orc.tracker import ResourceTracker
from uruk.orc.units import MaterializationResponsibility, MaterializationUnit

if TYPE_CHECKING:
    from uruk.orc.dylib import JITDylib

Compile = Callable[[], bytes]
"""Compiles, and returns an object. Runs without any lock, in any thread; several at a time."""


class CompiledUnit(MaterializationUnit):
    """A source whose symbols are known: compiled when one of them is needed.

    `initializes`: it has initialisers, so that it is compiled by the next lookup that runs initialisers.
    """

    def __init__(
        self, name: str, symbols: Mapping[str, SymbolFlags], make: Compile, *, initializes: bool = False
    ) -> None:
        self.name = name
        self.symbols = symbols
        self.initializes = initializes
        self._make = make

    def materialize(self, responsibility: MaterializationResponsibility) -> None:
        """See `MaterializationUnit.materialize`."""
        responsibility.emit(self._make(), self.name)


def add_source(dylib: JITDylib, name: str, make: Compile, tracker: ResourceTracker | None) -> ResourceTracker:
    """Add what a source defines, which nobody knows before it is compiled.

    With the inline dispatcher it is compiled now, and what `make` raises is raised here. Otherwise the dispatcher
    compiles it; lookups that may find something in the dylib wait for that, and the first of them raises the error.
    """
    session = dylib.session
    if isinstance(session.dispatcher, InlineDispatcher):
        return dylib.add_object(make(), name, tracker=tracker)
    with session.lock:
        dylib.check_open()
        with defining.owner(dylib, tracker, name) as own:
            task = Task(f"compiling {name}", lambda: _compile(dylib, name, make, own))
            dylib.announced.append(task)
            session.changed()
    session.dispatcher.dispatch(task)
    return own


def _compile(dylib: JITDylib, name: str, make: Compile, tracker: ResourceTracker) -> None:
    """Compile and add, unless the source was removed meanwhile; an error is left for the next lookup."""
    session = dylib.session
    try:
        data = make()
        with session.lock:
            if not tracker.removed and not session.closed:
                dylib.add_object(data, name, tracker=tracker)
    except UrukError as error:
        with session.lock:
            dylib.source_errors.append(error)
            session.changed()
