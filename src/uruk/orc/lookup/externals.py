"""Names that no linked code defines: shared libraries have them, or the process; hints for those that are nowhere.

Libraries that are loaded only if they are needed (ld's --as-needed) are loaded before names are looked up in any: what
objects refer to is known when they are linked, archive members included.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.graph.types import I64, Bool, signed, true_rows
from uruk.link_rules import place_names

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.platform import Platform
    from uruk.orc.registry.entries import Contents
    from uruk.orc.registry.search import DeferredLibrary

SLIM_LTO = b"__gnu_lto_slim"
"""A common symbol with which gcc marks objects that have no machine code (lto-streamer.h)."""
NO_MACHINE_CODE = "holds nothing but data for link-time optimisation: compile with -ffat-lto-objects"


def find_externals(session: Lifetime, dylib: Contents, names: Sequence[bytes]) -> tuple[Bool, I64, Bool]:
    """Return names in the libraries that a dylib sees, then in the process: which are found, where, and which are
    data."""
    address = np.zeros(len(names), np.int64)
    is_found, is_data = np.zeros((2, len(names)), np.bool_)
    platform = session.platform
    if platform is None or dylib.removed or not names:
        return is_found, address, is_data
    interposed, own = platform.interposed_names, place_names(session.target)
    # A platform's own functions stand for every version of a name.
    bases = [name.partition(b"@")[0] if b"@" in name else name for name in names]
    for row in [row for row, base in enumerate(bases) if base in interposed]:
        address[row] = signed(platform.interposed(bases[row]))
        is_found[row] = address[row] != 0
    # Names of places in the program (`_end`, `etext`) would give those of the interpreter.
    rows = [row for row in true_rows(~is_found).tolist() if names[row] not in own]
    if rows:
        address[rows], is_data[rows] = _ask(session, dylib, platform, [names[row] for row in rows])
        is_found[rows] = address[rows] != 0  # the dynamic loader gives no symbol the address 0
    return is_found, address, is_data


def _ask(session: Lifetime, dylib: Contents, platform: Platform, names: list[bytes]) -> tuple[I64, Bool]:
    """Return the addresses of names, and which are data: in libraries, then in the process, then in what libraries
    need."""
    libraries = [library for searched, _ in dylib.order_for_code() for library in searched.search.libraries]
    hidden = [library for library in libraries if library.hidden]
    symbols = session.executor.libraries.find_symbols([library.handle for library in libraries], names)
    if hidden:
        from uruk.orc.lookup.hidden_bases import correct_libraries  # few libraries have such names

        correct_libraries(session.executor, libraries, names, symbols)
    address, is_data = symbols.columns
    rows: list[int] = true_rows(~symbols.defined).tolist()
    if dylib.bare or not rows:
        return address, is_data
    asked = [names[row] for row in rows]
    place, of_data = platform.find(asked)
    if hidden:
        from uruk.orc.lookup.hidden_bases import correct_process

        correct_process(session.executor, libraries, asked, place, of_data)
    found = place != 0
    address[rows] = np.where(found, place, address[rows])
    is_data[rows] = np.where(found, of_data, is_data[rows])
    return address, is_data


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
    """Return True if a library that is loaded, and stands before a place in the order, defines a name."""
    handles = [library.handle for library in dylib.search.libraries if library.order < order]
    # The whole name as well, as `@` is a letter in those of DLLs.
    wanted = [name.partition(b"@")[0], name]
    return bool(session.executor.libraries.find_symbols(handles, wanted).defined.any())


def hints(session: Lifetime, dylib: Contents, needs: Mapping[bytes, str]) -> Mapping[bytes, str]:
    """Return hints about names that nothing defines for a dylib's code; `needs` has the first place that needs each."""
    dylibs: Iterable[Contents] = session.dylibs.values()
    if any(SLIM_LTO in dylib.names for dylib in dylibs):
        return dict.fromkeys(needs, f"an object {NO_MACHINE_CODE}")
    known: Mapping[bytes, str] = session.find_hints(session, dylib, needs) if session.find_hints else {}
    problems = session.imports.problems
    return {**known, **{name: problems[name] for name in needs if name in problems}} if problems else known
