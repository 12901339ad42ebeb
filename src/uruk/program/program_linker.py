"""LLJIT as the linker of one program, which has its process for itself: libraries see what the program exports."""

from __future__ import annotations

from typing import Any, Protocol

from uruk.errors import LibraryError
from uruk.lljit import LLJIT
from uruk.orc.dylib import JITDylib


class Exports(Protocol):
    """The names of a program that libraries see; see `uruk.program.interface.ProgramSystem.show_to_libraries`."""

    @property
    def wanted(self) -> list[bytes]:
        """The names that the program must define, as libraries want them."""
        ...

    def provide(self, error: LibraryError) -> bool:
        """Give a refused library the name that it lacks, if the program has it; True if that may load now."""
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

    def _add_shared_library(self, home: JITDylib, path: str, as_needed: bool) -> None:
        if as_needed:
            super()._add_shared_library(home, path, as_needed)
            return
        path = self.search_path.replacement(path) if self.search_path else path
        self._waiting.append((home, path, self.session.next_order()))

    def load_libraries(self) -> None:
        """Load the libraries of the line in its order: all inputs are there by now, whose names they may want.

        Raises LibraryError.
        """
        waiting, self._waiting = self._waiting, []
        for index, (home, path, order) in enumerate(waiting):
            self._open_needs(path)
            try:
                handle = self._load(home, path)
            except LibraryError as error:
                if not error.lacks_file:
                    raise
                self._load_together([path for _, path, _ in waiting[index:]], error)
                handle = self._load(home, path)
            home.place_library(path, handle, order)

    def _load(self, home: JITDylib, path: str) -> int:
        """Load a library, again for every name that the program can give it. Raises LibraryError."""
        while True:
            try:
                return home.load_library(path, everywhere=True)
            except LibraryError as error:
                if not self._provides_for(error):
                    raise

    def _load_together(self, paths: list[str], refused: LibraryError) -> None:
        """Load libraries as the loader does at a program's start: all of them before what they need.

        So one that needs another of the line by a name that is found nowhere finds it loaded. Raises `refused` where
        that does not help.
        """
        while problem := self.platform.load_together(paths):
            if not self._provides_for(LibraryError(refused.library, problem)):
                raise refused

    def _provides_for(self, error: LibraryError) -> bool:
        return self.exports is not None and self.exports.provide(error)

    def _wanted_by_libraries(self) -> list[bytes]:
        return list(self.exports.wanted) if self.exports else []

    def _bind_libraries(self) -> None:
        if self.exports:
            self.exports.bind()
