"""Definition generators: they are asked for names that nothing defines, and define what they have.

Archives and shared libraries are built in (`add_archive`, `add_library`). In one dylib all of them are asked in the
order in which they were added, each only for names that those before it do not have. Those of the next dylib of the
link order follow. Compiler builtins and the symbols of the process come last.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from uruk.errors import MaterializationError
from uruk.orc.registry.search import LookupKind
from uruk.regular_files import read_regular

if TYPE_CHECKING:
    from uruk.orc.dylib import JITDylib
    from uruk.orc.registry.tracker import ResourceTracker
    from uruk.orc.units import MaterializationUnit
    from uruk.target import Target

Generated: TypeAlias = "Mapping[str, int] | Iterable[MaterializationUnit] | None"


class DefinitionGenerator:
    """Derive from it, or give a function to `FunctionGenerator`. `name` is what errors and dumps call it."""

    name: str = ""

    def generate(self, dylib: JITDylib, names: Sequence[str], kind: LookupKind) -> Generated:
        """Define what it can of `names` in `dylib`, once a lookup needs them; names it does not have it ignores.

        It may add to the dylib by itself, return units that define them, or addresses by name. Runs without any lock
        of the session; may look other names up. What it raises is the error of the lookup.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method generate")


class FunctionGenerator(DefinitionGenerator):
    """A generator of a function ``make(dylib, names)``; see `DefinitionGenerator.generate` for what it returns."""

    def __init__(self, make: Callable[[JITDylib, Sequence[str]], Generated], name: str = "") -> None:
        self.name = name or getattr(make, "__qualname__", repr(make))
        self._make = make

    def generate(self, dylib: JITDylib, names: Sequence[str], kind: LookupKind) -> Generated:
        """See `DefinitionGenerator.generate`."""
        return self._make(dylib, names)


class ProcessSymbols(DefinitionGenerator):
    """The symbols of the process, for a dylib that is `bare`: those that `allow` lets through."""

    name = "the process"

    def __init__(self, allow: Callable[[str], bool] = lambda name: True) -> None:
        self._allow = allow

    def generate(self, dylib: JITDylib, names: Sequence[str], kind: LookupKind) -> Generated:
        """See `DefinitionGenerator.generate`."""
        for name in filter(self._allow, names):
            address, is_data = dylib.session.executor.libraries.find_symbol(None, os.fsencode(name))
            if address:
                dylib.define(os.fsencode(name), address, function=not is_data)
        return None


class DirectoryGenerator(DefinitionGenerator):
    """A directory of objects (``*.o``): the object that defines a name is added when the name is needed.

    Of two objects that define a name strongly, the first by file name has it. Files that come, go or change are noticed
    at the next lookup of a name that is missing. `tracker` owns what is added.
    """

    def __init__(
        self, path: str | os.PathLike[str], suffix: str = ".o", tracker: ResourceTracker | None = None
    ) -> None:
        self.path = os.fspath(path)
        self.name = f"directory {self.path}"
        self._suffix = suffix
        self._tracker = tracker
        self._known: dict[str, tuple[tuple[int, int], dict[str, int]]] = {}
        """Path -> (mtime in ns and size, definitions with their ranks)."""

    def generate(self, dylib: JITDylib, names: Sequence[str], kind: LookupKind) -> Generated:
        """See `DefinitionGenerator.generate`."""
        self._read(dylib.session.target)
        wanted: dict[str, list[str]] = {}
        for name in names:
            holders = [(-sizes[name], path) for path, (_, sizes) in self._known.items() if name in sizes]
            if holders:
                wanted.setdefault(min(holders)[1], []).append(name)
        for path, theirs in wanted.items():
            data = read_regular(path)
            with dylib.session.lock:  # another thread may have asked for another name of the same object
                if not all(map(dylib.defines, theirs)):
                    dylib.add_object(data, path, tracker=self._tracker or dylib.tracker)
        return None

    def _read(self, target: Target) -> None:
        """Bring the index up to date."""
        try:
            with os.scandir(self.path) as entries:
                files = sorted(
                    (entry.path, entry.stat())
                    for entry in entries
                    if entry.name.endswith(self._suffix) and entry.is_file()
                )
        except OSError as error:
            raise MaterializationError(self.name, (), error.strerror or str(error)) from error
        known: dict[str, tuple[tuple[int, int], dict[str, int]]] = {}
        for path, status in files:
            stamp = (status.st_mtime_ns, status.st_size)
            before = self._known.get(path)
            known[path] = before if before is not None and before[0] == stamp else (stamp, _definitions(path, target))
        self._known = known


def _definitions(path: str, target: Target) -> dict[str, int]:
    """Return the symbols that an object defines for others, with ranks; none of what is not an object of this
    target."""
    from uruk.orc.lookup.member_symbols import definitions_in  # for directories only

    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return {}
    return {os.fsdecode(name): rank for name, (rank, _) in definitions_in(path, data, target).items()}


__all__ = [
    "DefinitionGenerator", "DirectoryGenerator", "FunctionGenerator", "LookupKind", "ProcessSymbols"
]  # fmt: skip
