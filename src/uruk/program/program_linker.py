"""LLJIT as the linker of one program, which has its process for itself: libraries see what the program exports."""

from __future__ import annotations

from uruk.errors import LibraryError
from uruk.lljit import LLJIT
from uruk.platforms.linux.interposition import ProgramExports


class ProgramLinker(LLJIT):
    """`exports`: what libraries see of the program, where its process is its alone; None: nothing."""

    _everywhere = True
    exports: ProgramExports | None = None

    def export(self, *, everything: bool) -> None:
        """Have libraries see the program's names: those that they want, or all (ld's --export-dynamic)."""
        self.exports = ProgramExports(self.main, self.executor, self.platform, everything=everything)

    def promises(self, error: LibraryError) -> bool:
        """Whether the program gives a library what it was refused for, so that loading it again may do."""
        return self.exports is not None and self.exports.promise(error)

    def _promises(self, error: LibraryError) -> bool:
        return self.promises(error)

    def _wanted_by_libraries(self) -> list[bytes]:
        return list(self.exports.wanted) if self.exports else []

    def _bind_libraries(self) -> None:
        if self.exports:
            self.exports.bind()
