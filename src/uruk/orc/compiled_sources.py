"""Sources as definitions: compiled when they are needed if their symbols are known, and at once if they are not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from uruk.compile.ir_symbols import IRSymbol
from uruk.errors import CompilerWarning, UrukError
from uruk.libraries.search import LibrarySearch
from uruk.orc.dispatch import InlineDispatcher, Task
from uruk.orc.dylib import JITDylib
from uruk.orc.registry import adding
from uruk.orc.registry.symbols import SymbolFlags
from uruk.orc.registry.tracker import ResourceTracker
from uruk.orc.units import MaterializationResponsibility, MaterializationUnit

if TYPE_CHECKING:
    from uruk.compile.compile_source import Compiled
    from uruk.compile.ir import IRModule

Compile = Callable[[], bytes]
"""Compiles, and returns an object. Runs without any lock, in any thread; several at a time."""
_FUNCTION = SymbolFlags.EXPORTED | SymbolFlags.CALLABLE


class CompiledUnit(MaterializationUnit):
    """A source whose symbols are known: compiled when one of them is needed.

    `initializes`: it has initialisers, so that it is compiled by the next lookup that runs initialisers.
    `defines_more`: `symbols` need not be all that it defines.
    """

    def __init__(
        self,
        name: str,
        symbols: Mapping[str, SymbolFlags],
        make: Compile,
        *,
        initializes: bool = False,
        defines_more: bool = False,
    ) -> None:
        self.name = name
        self.symbols = symbols
        self.initializes = initializes
        self.defines_more = defines_more
        self._make = make

    def materialize(self, responsibility: MaterializationResponsibility) -> None:
        """See `MaterializationUnit.materialize`."""
        responsibility.emit(self._make(), self.name)


def flags_of(symbols: Mapping[str, SymbolFlags] | Sequence[str]) -> dict[str, SymbolFlags]:
    """Return the definitions of a source, as its user lists them: names of functions, or names with flags."""
    if isinstance(symbols, Mapping):
        return dict(symbols)
    return dict.fromkeys([symbols] if isinstance(symbols, str) else symbols, _FUNCTION)


def flags_of_ir(symbol: IRSymbol) -> SymbolFlags:
    """Return the flags of a symbol of LLVM IR."""
    flags = SymbolFlags.NONE if symbol.hidden else SymbolFlags.EXPORTED
    flags |= SymbolFlags.CALLABLE if symbol.callable else SymbolFlags.NONE
    return flags | {"weak": SymbolFlags.WEAK, "common": SymbolFlags.COMMON}.get(symbol.binding, SymbolFlags.NONE)


def take(dylib: JITDylib, compiled: Compiled) -> bytes:
    """Return a compiled object; the libraries of its language are added, and its warnings become Python warnings."""
    from uruk.compile.compile_source import runtime_libraries

    if compiled.warnings:
        warnings.warn(compiled.warnings.rstrip(), CompilerWarning, stacklevel=2)
    home = dylib.implements or dylib
    for kind, value in runtime_libraries([compiled]):
        if (kind, value) in home.runtime_libraries:
            continue
        if kind == "library":
            for library in LibrarySearch(target=dylib.session.target).find(value):
                home.add_shared_library(library.path)
        else:
            home.add_archive(value)
        home.runtime_libraries.add((kind, value))
    return compiled.object


def add_ir(
    dylib: JITDylib, module: IRModule, make: Compile, tracker: ResourceTracker | None, *, lazy: bool
) -> ResourceTracker:
    """Add a module of LLVM IR, whose code is generated when it is needed.

    What assembly in it defines is not known before: such a module is compiled at once, and so is one without symbols.
    """
    symbols = {name: flags_of_ir(symbol) for name, symbol in module.symbols.items()}
    if module.has_assembly or not symbols:
        return add_source(dylib, module.name, make, tracker)
    unit = CompiledUnit(module.name, symbols, make, initializes=module.has_initialisers)
    return dylib.add_unit(unit, tracker=tracker, lazy=lazy)


def add_source(dylib: JITDylib, name: str, make: Compile, tracker: ResourceTracker | None) -> ResourceTracker:
    """Add what a source defines, which nobody knows before it is compiled.

    With the inline dispatcher it is compiled now, and what `make` raises is raised here. Otherwise the dispatcher
    compiles it; lookups that may find something in the dylib wait for that, and the first of them raises the error.
    """
    session = dylib.session
    if isinstance(session.dispatcher, InlineDispatcher):
        return dylib.add_object(make(), name, tracker=tracker)
    tasks: list[Task] = []

    def work(own: ResourceTracker) -> None:
        tasks.append(Task(f"compiling {name}", lambda: _compile(dylib, name, make, own)))
        dylib.announced += tasks
        session.changed()

    own = adding.add(session, dylib, tracker, name, work)
    session.dispatcher.dispatch(tasks[0])
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
