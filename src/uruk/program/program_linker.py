"""LLJIT as the linker of one program, which has its process for itself: libraries see what the program exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from uruk.errors import LibraryError
from uruk.lljit import LLJIT
from uruk.orc.dylib import JITDylib
from uruk.orc.lookup.externals import load_needed
from uruk.orc.registry.symbols import encode_name


class Exports(Protocol):
    """The names of a program that libraries see; see `uruk.program.interface.ProgramSystem.show_to_libraries`."""

    @property
    def wanted(self) -> list[bytes]:
        """The names that the program must define, as libraries want them."""
        ...

    def provide(self, error: LibraryError) -> bool:
        """Give a refused library the name that it lacks, if the program has it; True if that may load now."""
        ...

    def refuse_late(self, paths: Sequence[str]) -> None:
        """Raise LibraryError for a library that has to be in the process from its start, before it is loaded."""
        ...

    def bind(self) -> int:
        """Bind libraries' references to the program's definitions, which are linked; returns how many."""
        ...


class ProgramLinker(LLJIT):
    """`exports`: what libraries see of the program, where its process is its alone; None: nothing."""

    _everywhere = True
    exports: Exports | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waiting: list[tuple[JITDylib, str, int]] = []
        """Libraries that are to be loaded, each with its place in the order of inputs."""
        self._by_name: set[str] = set()
        """Paths of libraries that were found by their names."""
        self.linker_words: list[dict[str, list[str]]] = []
        """The words of the program's objects for their linker, by object; see `uruk.graph.graph.Graph`."""

    def _add_shared_library(self, home: JITDylib, path: str, as_needed: bool, by_name: bool) -> None:
        path = self.search_path.replacement(path) if self.search_path else path
        if by_name:
            self._by_name.add(path)
        if as_needed:
            home.search.before_loading = self._load_at_once
            super()._add_shared_library(home, path, as_needed, by_name)
            return
        self._waiting.append((home, path, self.session.next_order()))

    def load_libraries(self) -> None:
        """Load the libraries of the line: all inputs are there by now, whose names they may want.

        Raises LibraryError.
        """
        waiting, self._waiting = self._waiting, []
        self._load_at_once([path for _, path, _ in waiting])
        for home, path, order in waiting:
            self._open_needs(path)
            home.place_library(path, self._load(home, path), order)

    def knows(self, name: str) -> bool:
        """Return True if an object or archive that was added defines a name."""
        return bool(self._known([name]))

    def link_everything(self, names: Sequence[str]) -> None:
        """Link all objects, and what defines `names`, and run no initialiser. Raises what linking raises."""
        wanted = [*map(encode_name, names), *self._wanted_by_libraries()]
        self.session.lookup(self.main, wanted, roots=False, everything=True)

    def _load(self, home: JITDylib, path: str) -> int:
        """Load a library, again for every name that the program can give it. Raises LibraryError."""
        while True:
            try:
                return home.load_library(path, everywhere=True)
            except LibraryError as error:
                if not self._provides_for(error):
                    raise

    def _load_at_once(self, paths: list[str]) -> None:
        """Load libraries as the loader does at a program's start: all of them, then what they need.

        So the last one's constructors run first, one finds another that is named behind it, and one that needs another
        by a name that no directory has finds it loaded, a file's name if it has no soname. A refusal is raised when
        they are loaded one by one.
        """
        for path in paths:
            self._open_needs(path)
        if not paths:
            return
        if self.exports is not None:
            self.exports.refuse_late(paths)
        load = self.platform.plan_load(paths, self._by_name)
        while problem := load():
            if not self._provides_for(LibraryError(paths[0], problem)):
                return

    def _provides_for(self, error: LibraryError) -> bool:
        """See `LLJIT._provides_for`; what the program lacks, a library that waits until it is needed may have."""
        if self.exports is not None and self.exports.provide(error):
            return True
        before = len(self.main.search.deferred)
        if error.undefined and before:
            load_needed(self.session, self.main, [error.undefined])
        return len(self.main.search.deferred) < before

    def _wanted_by_libraries(self) -> list[bytes]:
        return list(self.exports.wanted) if self.exports else []

    def _bind_libraries(self) -> None:
        if self.exports:
            self.exports.bind()
