"""LLJIT as the linker of one program, which has its process for itself: libraries see what the program exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from uruk.errors import LibraryError
from uruk.lljit import LLJIT


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

    def retry(self, load: Callable[[], object]) -> None:
        """Load a library, again for every name that the program can give it. Raises LibraryError."""
        while True:
            try:
                load()
                return
            except LibraryError as error:
                if not self._provides_for(error):
                    raise

    def _provides_for(self, error: LibraryError) -> bool:
        return self.exports is not None and self.exports.provide(error)

    def _wanted_by_libraries(self) -> list[bytes]:
        return list(self.exports.wanted) if self.exports else []

    def _bind_libraries(self) -> None:
        if self.exports:
            self.exports.bind()
