"""Sources as definitions: compiled when they are needed if their symbols are known, and at once if they are not."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from uruk.compile.languages import language_of
from uruk.errors import CompilerWarning, InvalidValue, UrukError
from uruk.libraries.search import LibrarySearch
from uruk.orc.dispatch import InlineDispatcher, Task
from uruk.orc.dylib import JITDylib
from uruk.orc.registry import adding
from uruk.orc.registry.symbol_flags import SymbolFlags
from uruk.orc.registry.tracker import NewCode, Replacement, ResourceTracker
from uruk.orc.units import MaterializationResponsibility, MaterializationUnit
from uruk.records import record

if TYPE_CHECKING:
    from uruk.compile.cache import ObjectCache
    from uruk.compile.compile_source import Compiled

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


SECTIONS = ("-fdata-sections", "-ffunction-sections")
"""Flags for replaceable sources. With a section each, variables are kept one by one, whatever lies beside them, and
assemblers leave it to the linker where the address of a static function is taken."""
INTERPOSABLE = ("-fPIC", "-fsemantic-interposition")
"""Flags by which compilers assume nothing of a function that others may replace: callers have no copy of it, and do not
know which registers it leaves alone, or that it has no side effects."""


@record
class SourceOptions:
    """The way in which a source is compiled and added; see `LLJIT.add_source`."""

    language: str | None
    flags: Sequence[str]
    compiler: str | Sequence[str] | None
    cache: ObjectCache | bool
    timeout: float | None
    symbols: Mapping[str, SymbolFlags] | Sequence[str] | None
    lazy: bool
    replaceable: bool | str

    def compile(self, dylib: JITDylib, path: str | None, text: str | None, name: str) -> bytes:
        """Return the object of a file, or of a text with a name. Raises CompilerNotFound, CompileError."""
        from uruk.compile.compile_source import compile_source, compile_text
        from uruk.compile.compilers import cross_compiler

        compiler = self.compiler or cross_compiler(dylib.session.executor.process.triple)
        flags = [*replaceable_flags(dylib.session.target.format), *self.flags] if self.replaceable else self.flags
        if path is not None:
            compiled = compile_source(
                path, flags=flags, compiler=compiler, language=self.language, timeout=self.timeout, cache=self.cache
            )
        else:
            compiled = compile_text(
                text or "",
                self.language or "c",
                name=name,
                flags=flags,
                compiler=compiler,
                timeout=self.timeout,
                cache=self.cache,
            )
        return take(dylib, compiled)


def add_source_or_text(
    dylib: JITDylib,
    file: str | None,
    text: str | None,
    name: str,
    options: SourceOptions,
    tracker: ResourceTracker | None,
) -> ResourceTracker:
    """Add C, C++ or assembly; see `LLJIT.add_source`."""
    title = name or file or text_name(dylib, options.language or "c")

    def make() -> bytes:
        return options.compile(dylib, file, text, title)

    if options.symbols is None and not options.lazy:
        own = add_source(dylib, title, make, tracker, options.replaceable)
        if options.replaceable:
            own.compile = partial(_compile_again, dylib, options)
        return own
    if options.replaceable:
        raise InvalidValue(f"{title}: a replaceable source is compiled when it is added: give neither symbols nor lazy")
    if not options.symbols:
        raise InvalidValue(f"{title}: only a source whose `symbols` are named can wait until it is needed")
    unit = CompiledUnit(title, flags_of(options.symbols), make, defines_more=True)
    return dylib.add_unit(unit, tracker=tracker, lazy=options.lazy)


def replaceable_flags(format_name: str) -> tuple[str, ...]:
    """Return the flags for replaceable sources whose objects have a format."""
    # Windows has no interposition, and compilers' flags for it do nothing there.
    return (*SECTIONS, *(INTERPOSABLE if format_name == "elf" else ("-fno-inline",)))


def text_name(dylib: JITDylib, language: str) -> str:
    """Return a name for the next text of a session: ``<c++ text 3>``."""
    session = dylib.session
    with session.lock:
        session.texts += 1
        return f"<{language} text {session.texts}>"


def _compile_again(dylib: JITDylib, options: SourceOptions, replacement: Replacement) -> NewCode | None:
    """See `ResourceTracker.compile`."""
    path, text = replacement.path, replacement.text
    if text is None and not (path is not None and language_of(path)):
        return None
    title = replacement.name or path or text_name(dylib, options.language or "c")
    return NewCode(title, options.compile(dylib, path, text, title))


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
            search = LibrarySearch(target=dylib.session.target)
            # MinGW has import libraries, and its drivers add that of the unwinder.
            names = [value, "gcc_s"] if value == "stdc++" and dylib.session.target.format == "coff" else [value]
            for library in (file for name in names for file in search.find(name)):
                if library.kind == "archive":
                    home.add_archive(library.path)
                else:
                    home.add_shared_library(library.path)
        else:
            home.add_archive(value)
        home.runtime_libraries.add((kind, value))
    return compiled.object


def add_source(
    dylib: JITDylib, name: str, make: Compile, tracker: ResourceTracker | None, replaceable: bool | str = False
) -> ResourceTracker:
    """Add what a source defines, which is not known before it is compiled.

    With the inline dispatcher it is compiled now, and what `make` raises is raised here. Otherwise the dispatcher
    compiles it; lookups that may find something in the dylib wait for that, and the first of them raises the error.
    """
    session = dylib.session
    if isinstance(session.dispatcher, InlineDispatcher):
        return dylib.add_object(make(), name, tracker=tracker, replaceable=replaceable)
    tasks: list[Task] = []

    def work(own: ResourceTracker) -> None:
        tasks.append(Task(f"compiling {name}", lambda: _compile(dylib, name, make, own, replaceable)))
        dylib.announced += tasks
        session.changed()

    own = adding.add(session, dylib, tracker, name, work)
    session.dispatcher.dispatch(tasks[0])
    return own


def _compile(dylib: JITDylib, name: str, make: Compile, tracker: ResourceTracker, replaceable: bool | str) -> None:
    """Compile and add, unless the source was removed meanwhile; an error is left for the next lookup."""
    session = dylib.session
    try:
        data = make()
        with session.lock:
            if not tracker.removed and not session.closed:
                dylib.add_object(data, name, tracker=tracker, replaceable=replaceable)
    except UrukError as error:
        with session.lock:
            dylib.source_errors.append(error)
            session.changed()
