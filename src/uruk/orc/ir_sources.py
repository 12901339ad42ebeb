"""LLVM IR as definitions: a module says itself what it defines, and its code is generated when that is needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from uruk.compile.ir import IRModule, is_module
from uruk.compile.ir_symbols import Definition, IRSymbol
from uruk.compile.languages import is_ir
from uruk.errors import InvalidValue
from uruk.orc.compiled_sources import CompiledUnit, SourceOptions, add_source, text_name
from uruk.orc.dylib import JITDylib
from uruk.orc.registry.symbol_flags import SymbolFlags
from uruk.orc.registry.tracker import NewCode, Replacement, ResourceTracker

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEVELS = {"-O0": 0, "-O1": 1, "-O2": 2, "-O3": 3}


def flags_of_ir(symbol: IRSymbol) -> SymbolFlags:
    """Return the flags of a symbol of LLVM IR."""
    flags = SymbolFlags.NONE if symbol.hidden else SymbolFlags.EXPORTED
    flags |= SymbolFlags.CALLABLE if symbol.callable else SymbolFlags.NONE
    return flags | {"weak": SymbolFlags.WEAK, "common": SymbolFlags.COMMON}.get(symbol.binding, SymbolFlags.NONE)


Generate = Callable[[IRModule], bytes]
"""Generates the code of a module."""


def add_ir(
    dylib: JITDylib,
    module: IRModule,
    generate: Generate,
    tracker: ResourceTracker | None,
    *,
    lazy: bool,
    replaceable: bool | str = False,
) -> ResourceTracker:
    """Add a module of LLVM IR, whose code is generated when it is needed.

    What assembly in it defines is not known before: such a module is compiled at once, and so is one without symbols,
    and one whose code may be replaced.
    """
    if replaceable and lazy:
        raise InvalidValue(f"{module.name}: replaceable code is generated when it is added: give replaceable or lazy")

    def make() -> bytes:
        return generate(module)

    symbols = {name: flags_of_ir(symbol) for name, symbol in module.symbols.items()}
    if module.has_assembly or not symbols or replaceable:
        own = add_source(dylib, module.name, make, tracker, replaceable)
    else:
        unit = CompiledUnit(module.name, symbols, make, initializes=module.has_initialisers)
        own = dylib.add_unit(unit, tracker=tracker, lazy=lazy)
    if replaceable:
        own.compile = partial(_generate_again, dylib, generate)
    functions, variables = _types_of(module)
    own.ir_functions.update(functions)
    own.ir_variables.update(variables)
    return own


def _types_of(module: IRModule) -> tuple[dict[str, Definition], dict[str, tuple[str, bool, Mapping[str, str]]]]:
    """Return the types of functions and variables as a tracker has them."""
    functions: dict[str, Definition] = {}
    variables: dict[str, tuple[str, bool, Mapping[str, str]]] = {}
    for name, symbol in module.symbols.items():
        if symbol.definition is not None:
            functions[name] = symbol.definition
        if (variable := symbol.variable) is not None:
            variables[name] = variable.type, variable.constant, variable.named
    return functions, variables


def _generate_again(dylib: JITDylib, generate: Generate, replacement: Replacement) -> NewCode | None:
    """See `ResourceTracker.compile`."""
    source, path = replacement.source, replacement.path
    if replacement.text is not None:
        module = IRModule(replacement.text, replacement.name or text_name(dylib, "LLVM IR"))
    elif path is not None and is_ir(path):
        module = IRModule(Path(path), replacement.name)
    elif isinstance(source, IRModule):
        module = source
    elif is_module(source):
        module = IRModule(cast(Any, source), replacement.name)
    else:
        return None
    return NewCode(module.name, generate(module), *_types_of(module))


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
    if options.compiler is not None or options.symbols is not None:
        raise InvalidValue(
            f"{title}: LLVM IR is compiled by llvmlite and says itself what it defines: it takes no compiler and no "
            "symbols"
        )
    level = _level(title, options.flags)
    module = IRModule(Path(file) if file is not None else text or "", title)

    def generate(of: IRModule) -> bytes:
        replaceable = bool(options.replaceable)
        return of.compile(level=level, timeout=options.timeout, cache=options.cache, replaceable=replaceable)

    return add_ir(dylib, module, generate, tracker, lazy=options.lazy, replaceable=options.replaceable)


def _level(title: str, flags: Sequence[str]) -> int:
    """Return the level of optimisation that flags ask for. Raises InvalidValue for other flags."""
    odd = [flag for flag in flags if flag not in _LEVELS]
    if odd:
        raise InvalidValue(f"{title}: LLVM IR takes {', '.join(_LEVELS)} as flags, not {' '.join(odd)}")
    return _LEVELS[flags[-1]] if flags else 2
