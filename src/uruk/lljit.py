"""LLJIT: the friendly front. A dylib `main` with this process's symbols behind it, more on request, one tracker an
addition."""

from __future__ import annotations

import atexit
import itertools
import os
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any

from uruk.attributes import Attributes, is_cpp, symbol_of_cpp
from uruk.calling import Calling, address_of
from uruk.errors import InvalidType, InvalidValue, LibraryError, TLSError, UndefinedSymbols, UrukError
from uruk.memory.manager import DEFAULT_SLAB
from uruk.orc.dylib import JITDylib
from uruk.orc.lookup.by_name import quick_address
from uruk.orc.registry.inputs import (
    PathLike,
    Source,
    check,
    check_cache,
    check_flag,
    check_seconds,
    check_size_given,
    listed,
    path_of,
)
from uruk.orc.registry.options import Options
from uruk.orc.registry.search import LookupKind
from uruk.orc.registry.symbols import Flag, NameLike, decode_name, encode_name
from uruk.orc.registry.tracker import IRLike, Released, Replacement, ResourceTracker
from uruk.orc.session import Session
from uruk.platforms.jit_dlopen import JITLoader
from uruk.platforms.linux.platform import OF_THE_PROGRAM, LinuxPlatform, UnrunLinuxPlatform, linux_platform
from uruk.records import Unique
from uruk.symbol import Symbol, sessions_here

if TYPE_CHECKING:
    from concurrent.futures import Future

    from uruk.compile.cache import ObjectCache
    from uruk.executor.interface import Executor
    from uruk.executor.remote import RemoteExecutor
    from uruk.graph.graph import Graph
    from uruk.memory.interface import Memory
    from uruk.memory.mapper import Mapper
    from uruk.orc.dispatch import Dispatcher
    from uruk.orc.generators import DefinitionGenerator, Generated
    from uruk.orc.registry.entries import Contents
    from uruk.orc.registry.registry import Registry
    from uruk.orc.registry.symbol_flags import SymbolFlags
    from uruk.orc.units import MaterializationUnit
    from uruk.passes.state import State
    from uruk.platforms.linux.search_path import SearchPath
    from uruk.platforms.systems import SystemPlatform


PERF = "URUK_PERF"
"""The environment variable by which every session records its code for the profiler `perf`; 0 or empty: none does."""


class LLJIT(Calling, Attributes, Unique):
    """Links objects into this process and hands back callable symbols.

    `auto_initialize`: initialisers of added objects run with the next lookup; otherwise only by `initialize()`.
    `slab_size`: address space reserved for code at a time, in bytes. `options`: see `uruk.Options`.
    `mapper`: where memory of this process comes from, if not from `uruk.memory.inprocess`. `memory`: where linked code
    is put, instead of slabs; with `FixedMemory` at any addresses, to be read and not to be run, so that `options` must
    have ``execute=False``, and names of this process mean nothing. `dispatcher`: runs units and compilations; by
    default the thread that waits for them does. `executor`: another process, from `uruk.spawn` or `uruk.connect`,
    instead of this one; it ends with `close()`, and has its own slab size. Where a method takes a `dylib`, the default
    is `main`.
    """

    _everywhere = False
    """True if shared libraries are loaded for all of the process (RTLD_GLOBAL), as those of a program are."""

    def __init__(
        self,
        *,
        auto_initialize: bool = True,
        slab_size: int = DEFAULT_SLAB,
        options: Options | None = None,
        mapper: Mapper | None = None,
        memory: Memory | None = None,
        dispatcher: Dispatcher | None = None,
        executor: RemoteExecutor | None = None,
    ) -> None:
        check_size_given(slab_size, "slab_size")
        if options is not None:
            check(options, Options, "options", "an uruk.Options")
        if dispatcher is not None and not hasattr(dispatcher, "dispatch"):
            raise InvalidType(f"{dispatcher!r} is not a dispatcher, as those of uruk.orc.dispatch are")
        check_flag(auto_initialize, "auto_initialize")
        if mapper is not None and not hasattr(mapper, "reserve"):
            raise InvalidType(f"{mapper!r} is no mapper, as InProcessMapper of uruk.memory.inprocess is")
        self.auto_initialize = auto_initialize
        if executor is not None:
            if not hasattr(executor, "used"):
                raise InvalidType(f"{executor!r} is not an executor, which uruk.spawn and uruk.connect return")
            if executor.used or executor.closed:
                raise InvalidValue("an executor belongs to one session: start another one")
            executor.used = True
        self._remote = executor
        try:
            if memory is not None:
                _check_memory(memory, options, mapper, executor)
            self._set_up(slab_size, options, mapper, memory, dispatcher)
        except BaseException:
            if executor is not None:
                executor.close()  # no other session can use it, and not every caller has a name for it
            raise
        self._is_open, self._sets_variables = True, type(self) is LLJIT

    def _set_up(
        self,
        slab_size: int,
        options: Options | None,
        mapper: Mapper | None,
        memory: Memory | None,
        dispatcher: Dispatcher | None,
    ) -> None:
        executor = self._remote
        executes = options is None or options.execute
        linked_only_for = options.linked_only_for if options else ""
        if executor is None:
            # what follows costs time, and a session of another process does without
            from uruk.platforms.linux.process_here import LinuxHere, executor_here

            process = LinuxHere(
                executor_here(slab_size, mapper, memory=memory, executes=executes, linked_only_for=linked_only_for),
                executes=executes,
            )
            self.executor: Executor = process.executor
            kind = UnrunLinuxPlatform if self.executor.memory.fixed else LinuxPlatform
            self.platform: SystemPlatform = kind(process, linked_only_for)
        else:
            from uruk.platforms.systems import platform_there  # costs time, and most sessions are of this process

            self.executor = executor
            self.platform = platform_there(executor, linked_only_for)
        self.session = Session(self.executor, self.platform, options, _hints, dispatcher)
        self.session.changed_types = _changed_types
        self._session = weakref.ref(self.session)
        self.platform.jit_loader = JITLoader(self.session, self.platform.process)
        if executor is not None and executor.child is not None:
            from uruk.orc.lookup.addresses import (
                name_address,  # imported now: the thread that reports a crash should import nothing
            )

            # The connection's thread keeps the child, which must not keep a session that its user has dropped.
            child, weakly = executor.child, self._session
            child.resolve = lambda address: name_address(session, address) if (session := weakly()) else ""
            child.removed = lambda address: session.withheld.name(address) if (session := weakly()) else ""
        self.main = self.session.create_dylib("main")
        self._search_directories: list[str] = []
        self.search_path: SearchPath | None = None
        self._serial = next(_serials)
        _open_jits.add(self)
        if self._remote is None:
            sessions_here.add(self.session)
        if os.environ.get(PERF, "0") not in ("", "0") and self.session.options.execute:
            self.record_for_perf()

    @property
    def memory(self) -> Memory:
        """Return where linked code is put."""
        return self.executor.memory

    def create_dylib(self, name: str, link_order: Sequence[JITDylib] = (), *, bare: bool = False) -> JITDylib:
        """Return a new dylib, whose code sees its own symbols first, then what those of `link_order` export.

        `bare`: it sees neither compiler builtins nor the process. Raises UrukError if there is one of that name.
        """
        dylib = self.session.create_dylib(name, bare=bare)
        dylib.set_link_order(link_order)
        return dylib

    def _home(self, dylib: JITDylib | None) -> JITDylib:
        """Return the dylib that a method was given, or `main`. Raises InvalidType for what is no dylib."""
        if dylib is None:
            return self.main
        check(dylib, JITDylib, "dylib", "a dylib, as LLJIT.create_dylib returns one")
        return dylib

    def add_object(
        self,
        source: PathLike | Source,
        name: str = "",
        *,
        dylib: JITDylib | None = None,
        tracker: ResourceTracker | None = None,
        lazy: bool = False,
        replaceable: bool | str = False,
    ) -> ResourceTracker:
        """Add a relocatable object: a path, bytes, or anything with the buffer protocol. Nothing is linked yet.

        `lazy`: it is linked when one of its functions is called, or its data is needed. `replaceable`: its code may be
        replaced while it runs (`ResourceTracker.replace`); ``"keep"`` where the program switches stacks itself. Raises
        ObjectFormatError for malformed bytes, DuplicateDefinition for a second strong definition.
        """
        # `main` without a call, as in `lookup`: both are called for each function that a compiler makes.
        home = self.main if dylib is None else self._home(dylib)
        return home.add_object(source, name, tracker=tracker, lazy=lazy, replaceable=replaceable)

    def add_objects(
        self,
        sources: Sequence[PathLike | Source],
        name: str = "",
        *,
        dylib: JITDylib | None = None,
        tracker: ResourceTracker | None = None,
        lazy: bool = False,
        replaceable: bool | str = False,
    ) -> ResourceTracker:
        """Add objects that are removed, or replaced, together, as one batch; see `add_object`."""
        return self._home(dylib).add_objects(sources, name, tracker=tracker, lazy=lazy, replaceable=replaceable)

    def add_source(
        self,
        path: PathLike | None = None,
        *,
        text: str | None = None,
        name: str = "",
        language: str | None = None,
        flags: Sequence[str] = (),
        compiler: str | Sequence[str] | None = None,
        symbols: Mapping[str, SymbolFlags] | Sequence[str] | None = None,
        lazy: bool = False,
        replaceable: bool | str = False,
        cache: ObjectCache | bool = True,
        timeout: float | None = None,
        dylib: JITDylib | None = None,
        tracker: ResourceTracker | None = None,
    ) -> ResourceTracker:
        """Add C or C++ source: a file, or a `text` in a `language` (``"c"``, ``"c++"``), compiled with `flags`. LLVM IR
        (``.ll``, ``.bc``, ``"llvm-ir"``) goes the way of `add_ir`, with ``-O0`` to ``-O3`` as its only flags.

        A text's `name`, by default ``<c text 3>``, is that of compilers' messages, of errors and of its tracker. The
        compiler is found (CC, CXX, then gcc, clang, zig on PATH; for an executor of another architecture a cross
        compiler) or named. Without `symbols` it is compiled now, or by the dispatcher, in parallel. With the names of
        functions that it defines (or names and flags) it is compiled when one of them is needed, or, if `lazy`, called.
        `replaceable`: see `add_object`. Objects are kept in a `cache`; see `uruk.compile`. Libraries of the language
        are added by themselves. Raises CompilerNotFound; InputNotFound; CompileError, with the compiler's own text,
        where it compiles now, and otherwise the first lookup that needs the source does.
        """
        from uruk.orc.sources import SourceOptions, add_any_source

        options = SourceOptions(language, flags, compiler, cache, timeout, symbols, lazy, replaceable)
        return add_any_source(self._home(dylib), path, text, name, options, tracker)

    def add_ir(
        self,
        module: Any,
        name: str = "",
        *,
        level: int = 2,
        cpu: str | None = None,
        features: str | None = None,
        lazy: bool = False,
        replaceable: bool | str = False,
        cache: ObjectCache | bool = True,
        dylib: JITDylib | None = None,
        tracker: ResourceTracker | None = None,
    ) -> ResourceTracker:
        """Add LLVM IR: text, bitcode, a module of llvmlite's, or a Path of a file (the extra ``uruk[ir]``).

        Its code is generated when one of its symbols is needed, or, if `lazy`, called; see `uruk.compile.ir.IRModule`
        for the options. Its functions are called without prototypes. `replaceable`: see `add_object`; its code is
        generated when it is added, and replaced by LLVM IR in any of these forms, or by objects. Raises CompileError
        for what is not a valid module.
        """
        from uruk.compile.ir import IRModule, check_options
        from uruk.orc import ir_sources

        check_cache(cache)
        check_options(level, cpu, features)
        ir = module if isinstance(module, IRModule) else IRModule(module, name)

        def generate(of: IRModule) -> bytes:
            options: dict[str, Any] = {"level": level, "cpu": cpu, "features": features, "cache": cache}
            return of.compile(**options, replaceable=bool(replaceable))

        return ir_sources.add_ir(self._home(dylib), ir, generate, tracker, lazy=lazy, replaceable=replaceable)

    def add_unit(
        self,
        unit: MaterializationUnit,
        *,
        dylib: JITDylib | None = None,
        tracker: ResourceTracker | None = None,
        lazy: bool = False,
    ) -> ResourceTracker:
        """Add a materialization unit, which makes its object when one of its symbols is needed.

        See `uruk.orc.units`; `lazy`: when one of its functions is called.
        """
        return self._home(dylib).add_unit(unit, tracker=tracker, lazy=lazy)

    def add_generator(
        self,
        generator: DefinitionGenerator | Callable[[JITDylib, Sequence[str]], Generated],
        *,
        dylib: JITDylib | None = None,
    ) -> None:
        """Have a generator, or a function ``(dylib, names)``, asked for names that nothing before it has.

        See `uruk.orc.generators`.
        """
        from uruk.orc.generators import DefinitionGenerator, FunctionGenerator

        if not isinstance(generator, DefinitionGenerator) and not callable(generator):
            raise InvalidType(f"{generator!r} is neither a generator nor a function that is one")
        definer = generator if isinstance(generator, DefinitionGenerator) else FunctionGenerator(generator)
        self._home(dylib).add_generator(definer)

    def add_archive(
        self,
        path: PathLike | Source,
        name: str | None = None,
        *,
        dylib: JITDylib | None = None,
        tracker: ResourceTracker | None = None,
        whole: bool = False,
    ) -> ResourceTracker:
        """Add a static library; its members are linked when something needs them.

        They stand at its place among the inputs. `whole`: all of them are added, as objects are (ld's --whole-archive).
        Returns the tracker that owns them, a new one if none is given.
        """
        return self._home(dylib).add_archive(path, name, tracker=tracker, whole=whole)

    def add_search_directory(self, path: PathLike) -> None:
        """Add a directory in which `add_library` looks first, as -L does."""
        self._search_directories.append(path_of(path))

    def add_library(
        self,
        name: PathLike,
        *,
        dylib: JITDylib | None = None,
        tracker: ResourceTracker | None = None,
        static: bool = False,
        whole: bool = False,
        as_needed: bool = False,
    ) -> None:
        """Add a library by name, as for -l (``"m"``, ``":libz.so.1"``), or by path.

        Shared libraries are loaded now; archives and objects that the name stands for are added, for `tracker`, each
        with one of its own if none is given. `static`: the name is an archive's (ld's -Bstatic); `whole`: see
        `add_archive`; `as_needed`: a shared library is loaded only if something that is linked refers to it, other than
        weakly. Raises LibraryNotFound, LibraryError.
        """
        from uruk.libraries.search import LibrarySearch

        home = self._home(dylib)
        search = LibrarySearch(self._search_directories, target=self.session.target)
        for file in search.find(path_of(name), static=static):
            if file.kind == "archive":
                home.add_archive(file.path, tracker=tracker, whole=whole)
            elif file.kind == "object":
                home.add_object(file.path, tracker=tracker)
            else:
                self._add_shared_library(home, file.path, as_needed, isinstance(name, str) and "/" not in name)

    def _add_shared_library(self, home: JITDylib, path: str, as_needed: bool, by_name: bool) -> None:
        path = self.search_path.replacement(path) if self.search_path else path
        if as_needed:
            home.defer_library(path, partial(self._load_deferred, home, path))
            return
        self._open_needs(path)
        home.add_shared_library(path, everywhere=self._everywhere)

    def _open_needs(self, path: str) -> None:
        if self.search_path:
            self.search_path.open_with_needs(linux_platform(self.platform), path, everywhere=self._everywhere)

    def set_search_path(self, directories: Sequence[str], *, origin: str = "", inherited: bool = False) -> None:
        """Set where linked code's ``dlopen`` and `add_library` look for shared libraries, as a program's -rpath does.

        Once a process. `origin` is what ``$ORIGIN`` stands for, the current folder by default; `inherited`: libraries
        find what they need there, too (ld's --disable-new-dtags).
        """
        from uruk.platforms.linux.search_path import SearchPath

        self.search_path = SearchPath(
            os.path.abspath(origin or "."), tuple(listed(directories, "directories")), inherited
        )
        self.search_path.apply(linux_platform(self.platform))

    def _load_deferred(self, home: JITDylib, path: str) -> int:
        """Load a library that was deferred, again for every name that the program can give it. Raises LibraryError."""
        while True:
            self._open_needs(path)
            try:
                return home.load_library(path, everywhere=self._everywhere)
            except LibraryError as error:
                if not self._provides_for(error):
                    raise

    def _provides_for(self, error: LibraryError) -> bool:
        """Give a refused library the name that it lacks, if there is such a name; True if it may load now."""
        return False

    def wrap(self, name: str, *, dylib: JITDylib | None = None) -> None:
        """Redirect references to `name` to ``__wrap_NAME``, in objects that are added from now on; see
        `JITDylib.wrap`."""
        self._home(dylib).wrap(name)

    def define(self, name: str, value: Any, *, dylib: JITDylib | None = None) -> None:
        """Define an absolute symbol: an address, or a ctypes or cffi callback (kept alive by the caller).

        A callback that code calls when the interpreter has ended (in a static destructor) is not run: its result is 0.
        """
        address, function = address_of(value)
        if function and not self.session.only_links:
            from uruk.c_types.cffi_values import is_python

            address = self.platform.process.guard(address) if is_python(value) else address
        self._home(dylib).define(name, address, function=function)

    def alias(
        self,
        names: Mapping[str, str] | Sequence[str],
        source: JITDylib | None = None,
        *,
        dylib: JITDylib | None = None,
        lazy: bool = False,
        offset: int = 0,
    ) -> None:
        """Let names stand for others, of the same dylib or of `source` (a re-export); see `JITDylib.alias`."""
        self._home(dylib).alias(names, source, lazy=lazy, offset=offset)

    def lookup(self, name: str | bytes, dylib: JITDylib | None = None, *, timeout: float | None = None) -> Symbol:
        """Return the symbol `name`, linked with all that it needs. Raises UndefinedSymbols and what linking raises.

        A function of C++ may be named as in C++: ``geo::area(double)``, or ``geo::area`` where it is the only one.
        """
        home = self.main if dylib is None else self._home(dylib)
        text = name if type(name) is str else _text_of(name)
        if timeout is not None:
            check_seconds(timeout, "timeout")
        address = quick_address(self.session, home, text, self.auto_initialize, timeout)
        if address is None:
            try:
                addresses = self.session.lookup_names(home, [text], initialize=self.auto_initialize, timeout=timeout)
            except UndefinedSymbols:
                found = symbol_of_cpp(self, home, text) if is_cpp(text) else None
                if found is None:
                    raise
                return found
            address = addresses[text]
        return Symbol(text, address, self._remote, self._session)

    def lookup_all(
        self,
        names: Sequence[NameLike],
        dylib: JITDylib | None = None,
        *,
        weak: Sequence[NameLike] = (),
        kind: LookupKind = LookupKind.STATIC,
        timeout: float | None = None,
    ) -> dict[NameLike, Symbol]:
        """Look up several symbols at once, linked as one batch; see `Session.lookup_names`.

        Of the `weak` names, those that nothing defines are not in the answer.
        """
        check(kind, LookupKind, "kind", "an uruk.LookupKind")
        check_seconds(timeout, "timeout")
        addresses = self.session.lookup_names(
            self._home(dylib),
            names,
            weak=weak,
            kind=kind,
            initialize=self.auto_initialize,
            timeout=timeout,
        )
        return {
            name: Symbol(_text_of(name), address, self._remote, self._session) for name, address in addresses.items()
        }

    def lookup_future(
        self, names: Sequence[str], dylib: JITDylib | None = None, **options: Any
    ) -> Future[dict[str, Symbol]]:
        """Run `lookup_all` in the background; returns a Future of its answer."""
        return self.session.in_background(lambda: self.lookup_all(names, dylib, **options))

    async def lookup_async(
        self, names: Sequence[str], dylib: JITDylib | None = None, **options: Any
    ) -> dict[str, Symbol]:
        """Await `lookup_all`, which runs in the background."""
        import asyncio

        return await asyncio.wrap_future(self.lookup_future(names, dylib, **options))

    def lookup_program(self, entry: str, undefined: Sequence[str] = (), *, initialize: bool = True) -> Symbol:
        """Return the entry of a program, with every added object linked and initialised, as a linker makes a program.

        `undefined`: names that are looked for as if an object referred to them (ld's -u). Without `initialize` the
        entry is to run initialisers.
        """
        before = self._wanted_by_libraries()
        wanted = [encode_name(entry), *before, *self._known(undefined)]
        answers = self.session.lookup(self.main, wanted, roots=False, everything=True)
        if answers[0][1] & Flag.TLS:
            raise TLSError(f"`{entry}'", "is a thread-local, and no function to begin with")
        if late := [name for name in self._wanted_by_libraries() if name not in before]:  # those that were deferred
            self.session.lookup(self.main, late, roots=False, everything=True)
        self._bind_libraries()
        if initialize:
            self.session.lookup(self.main, [], roots=True)  # only now: without its entry nothing of a program runs
        return Symbol(entry, answers[0][0], self._remote, self._session)

    def _known(self, names: Sequence[str]) -> list[bytes]:
        """Return those of the names that an object or archive of the program defines."""
        archive_with = self.main.search.archive_with
        return [encode_name(name) for name in names if self.main.defines(name) or archive_with(encode_name(name))]

    def _wanted_by_libraries(self) -> list[bytes]:
        """Return names that libraries request of the session."""
        return []

    def _bind_libraries(self) -> None:
        """Bind libraries' requests to their definitions, which are linked."""

    def import_module(
        self,
        name: str,
        inputs: Sequence[PathLike | Source],
        *,
        libraries: Sequence[PathLike] = (),
        flags: Sequence[str] = (),
        compiler: str | Sequence[str] | None = None,
    ) -> ModuleType:
        """Import an extension module of Python from objects, archives, and sources in C, C++ and Cython.

        It is in ``sys.modules`` by `name`, whose last part names its init function (``PyInit_NAME``). Sources are
        compiled with `flags` and this interpreter's headers, and with those of pybind11 or nanobind if they include
        them. `libraries`: as for `add_library`. Python never unloads such modules, so that a session that has one stays
        until the process ends: `close` does nothing. Raises InvalidValue for a session of another process, what
        compiling and linking raise, and what the module itself raises.
        """
        from uruk.extension_modules.importing import Inputs, check_inputs, import_module

        given = Inputs(check_inputs(name, inputs), libraries, flags, compiler)
        self.keep_until_exit()
        return import_module(self.session, self.main, name, given)

    def keep_until_exit(self) -> None:
        """Have all code of this session stay until this process ends: `close` does nothing from now on.

        Finalisers run at the end of the process. Raises InvalidValue for a session of another process.
        """
        if not self.executor.process.is_here:
            raise InvalidValue("the code of another process ends with its session; extension modules are for this one")
        self.session.check_open()
        _kept_jits.add(self)

    def add_pass(self, point: str, plugin: Callable[[State], None]) -> None:
        """Have every link call `plugin` with its state at a point of the pipeline; see `Session.add_pass`."""
        self.session.add_pass(point, plugin)

    def record_for_perf(self) -> str:
        """Record all functions that are linked from now on in a jitdump file, for `perf inject --jit`.

        Returns the file's path: ``.debug/jit/llvm-IR-jit-*/jit-PID.dump`` in the folder that JITDUMPDIR names, else in
        the home folder. Raises UrukError where it cannot be made, and on systems that have no perf.
        """
        from uruk.debug_info.linked_lines import lines_of_link  # for profiles only

        return self.platform.record_for_perf(self.session, lines_of_link)

    def replace(
        self,
        function: str,
        source: PathLike | Source | IRLike | None = None,
        *,
        text: str | None = None,
        name: str = "",
        statics: str = "keep",
        dylib: JITDylib | None = None,
    ) -> None:
        """Replace one function of code that was added replaceable, by that of an object or source; see
        `ResourceTracker.replace`.

        What the object or source defines beside it must be new. Raises NotReplaced where clones of the function, or
        copies in others, would stay; only debug information (-g) tells in which ones it was inlined.
        """
        from uruk.debug_info.inlined import copies_of
        from uruk.orc.replacing.sources import replace_function

        replacement = Replacement(source, text, name, statics, function)
        replace_function(self.session, self._home(dylib), replacement, copies_of)

    def replace_together(
        self, sources: Mapping[ResourceTracker, PathLike | Source | IRLike], *, statics: str = "keep"
    ) -> None:
        """Replace the code of several trackers of one dylib in one step: all of them or, with an error, none.

        Functions and variables may move from one to another; see `ResourceTracker.replace`.
        """
        from uruk.orc.replacing.sources import replace_several

        replace_several(self.session, sources, statics)

    def collect(self) -> Released:
        """Give back code that was replaced or removed, and that no thread and no call is in any more.

        Returns what went. Replaced code that stays is in `ResourceTracker.retained`. Every replacement, and every
        removal, does its part of it, too. Threads are interrupted for replaced code by a signal: sleeps may end early.
        """
        return self.session.collect()

    def initialize(self, dylib: JITDylib | None = None) -> None:
        """Link and initialise what was added with initialisers, in the order added; see `JITDylib.initialize`."""
        self._home(dylib).initialize()

    def deinitialize(self, dylib: JITDylib | None = None) -> bool:
        """Undo one `initialize`: with the last one finalisers run; see `JITDylib.deinitialize`."""
        return self._home(dylib).deinitialize()

    def close(self) -> None:
        """Remove everything, newest first. Symbols handed out must not be used any more.

        Another process has ended when this returns, or raises: a few seconds after the call at the latest, by force if
        it does not end by itself. Raises ExecutorError where finalisers could not run to their end. Nothing is removed
        once `keep_until_exit` was called, which `import_module` does.
        """
        if self in _kept_jits:
            return
        try:
            self.session.close()
        finally:
            _open_jits.discard(self)

    def __repr__(self) -> str:
        where = "this process" if self._remote is None else repr(self._remote)
        return f"<LLJIT of {len(self.session.dylibs)} dylibs in {where}{', closed' if self.session.closed else ''}>"

    def __enter__(self) -> LLJIT:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_open_jits: weakref.WeakSet[LLJIT] = weakref.WeakSet()
_kept_jits: set[LLJIT] = set()
"""Those that stay until the process ends, also if their users drop them."""
_serials = itertools.count()


def _serial_of(jit: LLJIT) -> int:
    return jit._serial  # pyright: ignore[reportPrivateUsage]


@atexit.register
def _close_all() -> None:
    for jit in sorted(_open_jits, key=_serial_of, reverse=True):
        try:
            if jit.executor.process.is_here:
                jit.session.finish()
            else:
                jit.session.close()
        except UrukError as error:
            print(f"uruk: {type(error).__name__}: {error}", file=sys.stderr)


def _check_memory(
    memory: Memory, options: Options | None, mapper: Mapper | None, executor: RemoteExecutor | None
) -> None:
    """Raise UrukError for memory that the other arguments do not fit."""
    if not hasattr(memory, "fixed"):
        raise InvalidType(f"{memory!r} is no memory for linked code, as FixedMemory is")
    if mapper is not None or executor is not None:
        raise InvalidValue("memory is given with neither a mapper nor an executor: those bring their own")
    if memory.fixed and (options is None or options.execute):
        raise InvalidValue("code in fixed memory is linked and not run: pass options=Options(execute=False)")


def _text_of(name: str | bytes) -> str:
    """Return a symbol's name as text, whichever way it was asked for."""
    return decode_name(name) if isinstance(name, bytes) else name


def _changed_types(old: Sequence[Graph], new: Sequence[Graph], names: Sequence[str]) -> dict[str, str]:
    """See `uruk.orc.lifetime.lifetime.ChangedTypes`."""
    from uruk.debug_info.changed_types import changed_types

    return changed_types(old, new, names)


def _hints(session: Registry, dylib: Contents, needs: Mapping[bytes, str]) -> dict[bytes, str]:
    """See `uruk.orc.registry.registry.Hints`."""
    from uruk.orc.lookup.undefined_hints import hints_of  # costs time, and is for errors only

    return hints_of(session, dylib, needs, OF_THE_PROGRAM if session.target.system in ("linux", "") else {})
