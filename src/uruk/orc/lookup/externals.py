"""Names that no linked code defines: shared libraries have them, or the process; hints for those that are nowhere.

Libraries that are loaded only if they are needed (ld's --as-needed) are loaded before names are looked up in any: what
objects refer to is known when they are linked, archive members included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from uruk.graph.types import I64, Bool, signed, true_rows
from uruk.link_rules import place_names
from uruk.orc.lifetime.lifetime import Lifetime
from uruk.orc.registry.entries import Contents
from uruk.orc.registry.search import DeferredLibrary

SLIM_LTO = b"__gnu_lto_slim"
"""A common symbol with which gcc marks objects that have no machine code (lto-streamer.h)."""
NO_MACHINE_CODE = "holds nothing but data for link-time optimisation: compile with -ffat-lto-objects"
_Find = Callable[[Sequence[bytes]], tuple[I64, Bool]]
"""Addresses of names, 0 for those that are not there; and which of them are data."""


def find_externals(session: Lifetime, dylib: Contents, names: Sequence[bytes]) -> tuple[Bool, I64, Bool]:
    """Return names in the libraries that a dylib sees, then in the process: which are found, where, and which are
    data."""
    address = np.zeros(len(names), np.int64)
    is_found, is_data = np.zeros((2, len(names)), np.bool_)
    platform = session.platform
    if platform is None or dylib.removed or not names:
        return is_found, address, is_data
    interposed, own = platform.interposed_names, place_names(session.target)
    for row, name in enumerate(names):
        # A platform's own functions stand for every version of a name.
        base = name.partition(b"@")[0]
        if base in interposed:
            address[row] = signed(platform.interposed(base))
            is_found[row] = address[row] != 0
    libraries = [library for searched, _ in dylib.order_for_code() for library in searched.search.libraries]
    handles = [library.handle for library in libraries]
    hidden = any(library.hidden for library in libraries)
    places: list[tuple[_Find, bool]] = []
    if libraries:
        places.append((lambda names: session.executor.libraries.find_symbols(handles, names).columns, False))
    if not dylib.bare:
        places.append((platform.find, True))
    for find, of_process in places:
        missing: list[int] = true_rows(~is_found).tolist()
        # Names of places in the program (`_end`, `etext`) would give those of the interpreter.
        rows = [row for row in missing if names[row] not in own]
        if rows:
            asked = [names[row] for row in rows]
            answer = find(asked)
            if hidden:
                from uruk.orc.lookup import hidden_bases  # few libraries have such names

                correct = hidden_bases.correct_process if of_process else hidden_bases.correct_libraries
                correct(session.executor, libraries, asked, *answer)
            address[rows], is_data[rows] = answer
            is_found[rows] = answer[0] != 0  # the dynamic loader gives no symbol the address 0
    return is_found, address, is_data


def load_needed(session: Lifetime, dylib: Contents, names: Iterable[bytes], before: int | None = None) -> None:
    """Load those deferred libraries that code of `dylib` sees, and that define names that it needs.

    Of several that define a name, the first is loaded. `before`: only libraries that come before a place in the order
    of inputs. Raises LibraryError, ObjectFormatError.
    """
    wanted = set(names)
    for searched, _ in dylib.order_for_code():
        search = searched.search
        needed: list[DeferredLibrary] = []
        for library in [entry for entry in search.deferred if before is None or entry.order < before]:
            provided = library.defined(wanted)
            if not all(_is_loaded(session, searched, name, library.order) for name in provided):
                needed.append(library)
            # A name is provided once: later libraries with it are not needed for it.
            wanted -= provided
        # After the loop, as loading changes the list that it goes through.
        search.load(needed)


def _is_loaded(session: Lifetime, dylib: Contents, name: bytes, order: int) -> bool:
    """Return True if a library that is loaded, and stands before a place in the order, has a name."""
    find = session.executor.libraries.find_symbol
    name = name.partition(b"@")[0]
    return any(find(library.handle, name)[0] for library in dylib.search.libraries if library.order < order)


def hints(session: Lifetime, dylib: Contents, needs: Mapping[bytes, str]) -> Mapping[bytes, str]:
    """Return hints about names that nobody defines for a dylib's code; `needs` has the first place that needs each."""
    dylibs: Iterable[Contents] = session.dylibs.values()
    if any(SLIM_LTO in dylib.names for dylib in dylibs):
        return dict.fromkeys(needs, f"an object {NO_MACHINE_CODE}")
    known: Mapping[bytes, str] = session.find_hints(session, dylib, needs) if session.find_hints else {}
    problems = session.imports.problems
    return {**known, **{name: problems[name] for name in needs if name in problems}} if problems else known
