"""Names that import libraries place in shared libraries, which are asked when a link needs the address."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from uruk.errors import LibraryError
from uruk.graph.types import I32, signed, true_rows

if TYPE_CHECKING:
    from uruk.executor.interface import Libraries
    from uruk.formats.interface import Import
    from uruk.orc.registry.symbols import SymbolTable


class Interposing(Protocol):
    """The names that a platform stands for, whatever libraries say; see `uruk.orc.platform.Platform`."""

    @property
    def interposed_names(self) -> Collection[bytes]:
        """The names."""
        ...

    def interposed(self, name: bytes) -> int:
        """The address that linked code gets for one of them; 0 for none."""
        ...

    def absent_import(self, handle: int, library: str, name: bytes) -> int:
        """The address that linked code gets for an import that a library has not; 0 for none."""
        ...


class ImportBinder:
    """The imports of a session. Shared libraries are asked once for each name."""

    def __init__(self, table: SymbolTable) -> None:
        self._table = table
        self._imports: dict[int, tuple[int, Import]] = {}
        """By name: the entry that has it, and where it is to be had."""
        self._handles: dict[str, int | None] = {}
        """By the name of the library; None for one that cannot be loaded."""
        self.first: dict[str, bytes] = {}
        """By the name of a library of which something is imported: the first name."""
        self.problems: dict[bytes, str] = {}
        """Names that are imported, and not there."""

    def note(self, owner: int, imports: dict[int, Import]) -> None:
        """Note the imports that an entry gives names to."""
        self._imports.update((name, (owner, imported)) for name, imported in imports.items())

    def bind(self, names: I32, libraries: Libraries | None, platform: Interposing | None = None) -> None:
        """Fill in the addresses of those of the names that are imports; what is not there stays undefined.

        Without `libraries` nothing is run, and all of them are at 0. What `platform` has stands for a library's.
        """
        if not self._imports:
            return
        table = self._table
        waiting: dict[str, list[tuple[int, Import]]] = {}
        # Only names that are wanted, owned and without an address are left: the loop is short for each link.
        for name in names[true_rows((table.ready[names] == 0) & (table.owner[names] >= 0))].tolist():
            owner, imported = self._imports.get(name, (None, None))
            # An object's definition may have taken the name from the import since.
            if imported is not None and owner == table.owner[name]:
                waiting.setdefault(imported.library, []).append((name, imported))
        for library, imports in waiting.items():
            if libraries is not None:
                rest = imports if platform is None else self._take_interposed(platform, imports)
                # Also where nothing is left: natively, too, an import loads the library, which others may look for.
                self._ask(libraries, library, rest, platform)
                continue
            for name, _ in imports:
                table.address[name], table.ready[name] = 0, 1

    def _take_interposed(
        self, platform: Interposing, imports: Sequence[tuple[int, Import]]
    ) -> Sequence[tuple[int, Import]]:
        """Give names that the platform stands for its addresses; return the others."""
        known = platform.interposed_names
        rest: list[tuple[int, Import]] = []
        for name, item in imports:
            if item.asked in known and (address := platform.interposed(item.asked)):
                self._table.address[name], self._table.ready[name] = signed(address), 1
            else:
                rest.append((name, item))
        return rest

    def _ask(
        self, libraries: Libraries, library: str, imports: Sequence[tuple[int, Import]], platform: Interposing | None
    ) -> None:
        """Ask one library for its names."""
        if library not in self._handles:
            try:
                self._handles[library] = libraries.load(library)
            except LibraryError as error:
                # A library that is not there is tried once: the loader's search costs system calls, or a message.
                self._handles[library] = None
                problem = f"imported from {library}: {error.problem}" + f"; {error.hint}" * bool(error.hint)
                self.problems.update((imported.name, problem) for _, imported in imports)
        handle = self._handles[library]
        if handle is None:
            return
        # One call for all names of a library: in another process it is one message.
        answer = libraries.find_symbols([handle], [imported.asked for _, imported in imports])
        for (name, imported), address in zip(imports, answer.address.tolist(), strict=True):
            if not address and platform is not None:
                address = signed(platform.absent_import(handle, library, imported.asked))
            if address:
                self.first.setdefault(library, imported.name)
                self._table.address[name], self._table.ready[name] = address, 1
            else:
                asked = imported.asked.decode("utf-8", "replace")
                self.problems[imported.name] = f"imported from {library}, which has no export `{asked}'"
