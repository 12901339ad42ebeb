"""LLVM IR as definitions: a module says itself what it defines, and its code is generated when that is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from uruk.compile.ir import IRModule
from uruk.compile.ir_symbols import IRSymbol
from uruk.errors import InvalidValue
from uruk.orc.compiled_sources import Compile, CompiledUnit, SourceOptions, add_source, text_name
from uruk.orc.dylib import JITDylib
from uruk.orc.registry.symbols import SymbolFlags
from uruk.orc.registry.tracker import ResourceTracker

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEVELS = {"-O0": 0, "-O1": 1, "-O2": 2, "-O3": 3}


def flags_of_ir(symbol: IRSymbol) -> SymbolFlags:
    """Return the flags of a symbol of LLVM IR."""
    flags = SymbolFlags.NONE if symbol.hidden else SymbolFlags.EXPORTED
    flags |= SymbolFlags.CALLABLE if symbol.callable else SymbolFlags.NONE
    return flags | {"weak": SymbolFlags.WEAK, "common": SymbolFlags.COMMON}.get(symbol.binding, SymbolFlags.NONE)


def add_ir(
    dylib: JITDylib, module: IRModule, make: Compile, tracker: ResourceTracker | None, *, lazy: bool
) -> ResourceTracker:
    """Add a module of LLVM IR, whose code is generated when it is needed.

    What assembly in it defines is not known before: such a module is compiled at once, and so is one without symbols.
    """
    symbols = {name: flags_of_ir(symbol) for name, symbol in module.symbols.items()}
    if module.has_assembly or not symbols:
        own = add_source(dylib, module.name, make, tracker)
    else:
        unit = CompiledUnit(module.name, symbols, make, initializes=module.has_initialisers)
        own = dylib.add_unit(unit, tracker=tracker, lazy=lazy)
    for name, symbol in module.symbols.items():
        if symbol.definition is not None and not symbol.has_debug_info:
            own.ir_functions[name] = symbol.definition
        if (variable := symbol.variable) is not None:
            own.ir_variables[name] = variable.type, variable.constant, variable.named
    return own


def add_ir_source(
    dylib: JITDylib,
    file: str | None,
    text: str | None,
    name: str,
    options: SourceOptions,
    tracker: ResourceTracker | None,
) -> ResourceTracker:
    """Add a file of LLVM IR, text or bitcode, or a text of it; see `LLJIT.add_source`."""
    title = name or file or text_name(dylib, "LLVM IR")
    if options.compiler is not None or options.symbols is not None or options.replaceable:
        raise InvalidValue(
            f"{title}: LLVM IR is compiled by llvmlite and says itself what it defines: it takes no compiler and no "
            "symbols, and is not replaceable"
        )
    level = _level(title, options.flags)
    module = IRModule(Path(file) if file is not None else text or "", title)

    def make() -> bytes:
        return module.compile(level=level, timeout=options.timeout, cache=options.cache)

    return add_ir(dylib, module, make, tracker, lazy=options.lazy)


def _level(title: str, flags: Sequence[str]) -> int:
    """Return the level of optimisation that flags ask for. Raises InvalidValue for other flags."""
    odd = [flag for flag in flags if flag not in _LEVELS]
    if odd:
        raise InvalidValue(f"{title}: LLVM IR takes {', '.join(_LEVELS)} as flags, not {' '.join(odd)}")
    return _LEVELS[flags[-1]] if flags else 2
