"""LLJIT: the friendly front. One dylib, this process's symbols behind it, one tracker an addition."""

from __future__ import annotations

import atexit
import itertools
import operator
import os
import weakref
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from uruk.errors import ObjectFormatError, UrukError
from uruk.executor.inprocess import InProcessExecutor
from uruk.formats.archive import Archive
from uruk.memory.manager import DEFAULT_SLAB
from uruk.memory.mapper import Mapper
from uruk.orc.search import ArchiveEntry, LibraryEntry
from uruk.orc.session import Options, Session, Source
from uruk.orc.tracker import ResourceTracker
from uruk.platforms.elf import OF_THE_PROGRAM, ELFPlatform

PathLike = str | os.PathLike[str]


class Symbol:
    """A linked symbol: `name`, and `address` in this process."""

    __slots__ = ("address", "name")

    def __init__(self, name: str, address: int) -> None:
        self.name = name
        self.address = address

    def function(self, prototype: Any) -> Any:
        """A callable of the given type: a C prototype such as ``"int(int, int)"`` (by cffi), or a ctypes type.

        The code must not be removed while the callable is in use.
        """
        if isinstance(prototype, str):
            from uruk.calls import cast

            return cast(prototype, self.address)
        return prototype(self.address)

    def __repr__(self) -> str:
        return f"<Symbol {self.name} at {self.address:#x}>"


class LLJIT:
    """Links objects into this process and hands back callable symbols.

    `auto_initialize`: initialisers of added objects run with the next lookup; otherwise only by `initialize()`.
    `slab_size`: address space reserved for code at a time, in bytes. `options`: see `uruk.orc.session.Options`.
    `mapper`: where memory of this process comes from, if not from `uruk.memory.inprocess`.
    """

    def __init__(
        self,
        *,
        auto_initialize: bool = True,
        slab_size: int = DEFAULT_SLAB,
        options: Options | None = None,
        mapper: Mapper | None = None,
    ) -> None:
        self.auto_initialize = auto_initialize
        executor = InProcessExecutor(slab_size, mapper)
        self.platform = ELFPlatform(executor)
        self.session = Session(executor, self.platform, options, _hint)
        self.main = self.session.create_dylib("main")
        self._builtins = self.session.create_tracker("compiler builtins")
        if self.platform.runtime is not None:
            self.main.search.builtins = ArchiveEntry(self.platform.runtime, self._builtins, 0, set())
        self._search_directories: list[str] = []
        self.libraries_for_everybody = False
        self.serial = next(_serials)
        _open_jits.add(self)

    def add_object(self, source: PathLike | Source, name: str = "") -> ResourceTracker:
        """Add a relocatable object: a path, bytes, or anything with the buffer protocol. Nothing is linked yet.

        Raises ObjectFormatError for malformed bytes, DuplicateDefinition for a second strong definition.
        """
        return self.add_objects([source], name)

    def add_objects(self, sources: Sequence[PathLike | Source], name: str = "") -> ResourceTracker:
        """Add objects that are removed together, as one batch; see `add_object`."""
        pairs = [_read(source, name) for source in sources]
        with self.session.lock:
            self.session.check_open()
            graph = self.session.parse(pairs)
            tracker = self.session.create_tracker(name or ", ".join(file for file, _ in pairs[:3]))
            self._add(graph, tracker)
            return tracker

    def _add(self, graph: Any, tracker: ResourceTracker) -> None:
        try:
            self.main.add_graph(graph, tracker, roots=True)
        except UrukError:
            del self.session.trackers[tracker.number]
            raise

    def add_archive(self, path: PathLike | Source, name: str | None = None) -> ResourceTracker:
        """Add a static library; its members are linked when something needs them."""
        with self.session.lock:
            self.session.check_open()
            archive = Archive.open(path, name)
            tracker = self.session.create_tracker(archive.name)
            self.main.search.add_archive(ArchiveEntry(archive, tracker, self.main.next_order(), set()))
            return tracker

    def add_search_directory(self, path: PathLike) -> None:
        """Where `add_library` looks first, as -L does."""
        self._search_directories.append(os.fspath(path))

    def add_library(self, name: PathLike) -> None:
        """Add a library by name, as for -l (``"m"``, ``":libz.so.1"``), or by path.

        Shared libraries are loaded now; archives and objects that the name stands for are added. Raises
        LibraryNotFound, LibraryError.
        """
        from uruk.orc.library_search import LibrarySearch

        for found in LibrarySearch(self._search_directories).find(name):
            if found.kind == "archive":
                self.add_archive(found.path)
            elif found.kind == "object":
                self.add_object(found.path)
            else:
                self._add_shared(os.fspath(found.path))

    def _add_shared(self, path: str) -> None:
        with self.session.lock:
            self.session.check_open()
            handle = self.session.executor.load_library(path, everywhere=self.libraries_for_everybody)
            self.main.search.libraries.append(LibraryEntry(path, handle, self.main.next_order()))
            self.platform.library_loaded(path)

    def define(self, name: str, value: Any) -> None:
        """Define an absolute symbol: an address, or a ctypes or cffi callback (kept alive by the caller)."""
        address, function = _address_of(value)
        with self.session.lock:
            self.session.check_open()
            self.main.define(_encode(name), address, function=function)

    def lookup(self, name: str) -> Symbol:
        """The symbol `name`, linked with all that it needs. Raises UndefinedSymbols and what linking raises."""
        return self.lookup_all([name])[name]

    def lookup_all(self, names: Sequence[str]) -> dict[str, Symbol]:
        """Several symbols at once, linked as one batch."""
        encoded = [_encode(name) for name in names]
        found = self.session.lookup(self.main, encoded, roots=self.auto_initialize)
        return {name: Symbol(name, address) for name, (address, _) in zip(names, found, strict=True)}

    def lookup_program(self, entry: str) -> Symbol:
        """The entry of a program, with every added object linked and initialised, as a linker makes a program."""
        with self.session.lock:
            found = self.session.lookup(self.main, [_encode(entry)], roots=False, everything=True)
            self.session.lookup(self.main, [], roots=True)  # only now: without its entry nothing of a program runs
        return Symbol(entry, found[0][0])

    def initialize(self) -> None:
        """Link and initialise every added object that has initialisers, in the order added."""
        self.session.lookup(self.main, [], roots=True, again=True)

    def close(self) -> None:
        """Remove everything, newest first. Symbols handed out must not be used any more."""
        self.session.close()
        _open_jits.discard(self)

    def __enter__(self) -> LLJIT:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


_open_jits: weakref.WeakSet[LLJIT] = weakref.WeakSet()
_serials = itertools.count()


@atexit.register
def _close_all() -> None:
    for jit in sorted(_open_jits, key=lambda one: -one.serial):
        jit.session.finish()


def _read(source: PathLike | Source, name: str) -> tuple[str, Source]:
    """An input's name and bytes."""
    if isinstance(source, str | os.PathLike):
        try:
            with open(source, "rb") as file:
                return name or os.fspath(source), file.read()
        except OSError as error:
            raise ObjectFormatError(os.fspath(source), "file", error.strerror or str(error)) from error
        except ValueError as error:  # a path with a zero byte
            raise ObjectFormatError(os.fspath(source), "file", str(error)) from error
    view = memoryview(source)
    plain = view.c_contiguous and view.format == "B" and view.ndim == 1
    return name or "<bytes>", view if plain else view.tobytes()


def _encode(name: str) -> bytes:
    """A symbol's name as objects have it; bytes that are no UTF-8 come as os.fsdecode gives them."""
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UrukError(f"{name!r} is no symbol's name: {error.reason}") from error


def _address_of(value: Any) -> tuple[int, bool]:
    """The address that `value` stands for, and whether it is a function's."""
    if hasattr(value, "__index__"):
        address = operator.index(value)
        if not 0 <= address < 1 << 64:
            raise UrukError(f"{address:#x} is no address: those are 64-bit unsigned numbers")
        return address, False
    from uruk.calls import address_of

    return address_of(value), True


def _hint(name: bytes) -> str | None:
    if name in OF_THE_PROGRAM:
        return "no input defines it" if name == b"main" else "only a linked program file has it; linked code does not"
    from uruk.orc.library_hints import hint_for

    return hint_for(name)
