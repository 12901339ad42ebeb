"""Shared libraries that are loaded only if they are needed (ld's --as-needed).

GNU ld keeps such a library if it defines a name that an object refers to, other than weakly, and that nothing before
it on the line defines. What an object refers to is known when it is linked, archive members included; the libraries
are loaded then, before names are looked up in any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import TYPE_CHECKING

from uruk.formats.registry import open_library
from uruk.records import record

if TYPE_CHECKING:
    from uruk.orc.dylib import JITDylib


@record
class DeferredLibrary:
    """A library that is not loaded yet; `load` gives the executor's handle, and may raise LibraryError."""

    path: str
    order: int
    load: Callable[[], int]
    _known: dict[bytes, bool] = field(default_factory=dict[bytes, bool])

    def defined(self, names: Iterable[bytes]) -> set[bytes]:
        """Those of the names that it defines; ``f@V`` is `f`. Raises ObjectFormatError."""
        plain = {name: name.partition(b"@")[0] for name in names}
        unknown = set(plain.values()) - self._known.keys()
        if unknown:
            with open_library(self.path) as library:
                self._known.update((name, library.defines(name)) for name in unknown)
        return {name for name, short in plain.items() if self._known[short]}


def load_needed(dylib: JITDylib, names: Iterable[bytes], before: int | None = None) -> None:
    """Load those libraries that code of `dylib` sees, and that define names that it needs: the first of each name.

    `before`: only libraries that come before a place in the order of inputs. Raises LibraryError, ObjectFormatError.
    """
    wanted = set(names)
    for other, _ in dylib.order_for_code():
        search = other.search
        for library in [one for one in search.deferred if before is None or one.order < before]:
            mine = library.defined(wanted)
            if not all(_is_loaded(other, name, library.order) for name in mine):
                search.load(library)
            wanted -= mine


def _is_loaded(dylib: JITDylib, name: bytes, order: int) -> bool:
    """True if a library that is loaded, and stands before a place in the order, has a name."""
    find = dylib.session.executor.libraries.find_symbol
    name = name.partition(b"@")[0]
    return any(find(one.handle, name)[0] for one in dylib.search.libraries if one.order < order)
