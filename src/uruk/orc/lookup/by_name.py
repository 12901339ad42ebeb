"""Lookups as callers begin them: addresses by name, the first call of a lazy function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from uruk.errors import FunctionGone, InvalidType, InvalidValue, SessionClosed, UndefinedSymbols
from uruk.graph.types import ADDRESSES
from uruk.orc.registry.inputs import listed
from uruk.orc.registry.lazy import GONE
from uruk.orc.registry.search import LookupKind
from uruk.orc.registry.symbols import Flag, NameLike, encode_name

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.lookup.query import Query
    from uruk.orc.registry.entries import Contents
    from uruk.orc.registry.tracker import ResourceTracker


def query(session: Lifetime, dylib: Contents, names: Sequence[bytes], **options: Any) -> Query:
    """Return a lookup that has not begun; see `Query` for the options."""
    with session.lock:
        session.check_dylib(dylib)
        if dylib.names.ids is not session.ids:
            raise InvalidValue(f"dylib {dylib.name} is not one of this session")
        ids = np.array(dylib.names.intern(names), np.int32)
        # Interning may have made new names, whose rows the search reads.
        session.table.grow(len(session.ids))
    from uruk.orc.lookup.query import Query  # a session that was only opened has looked nothing up

    return Query(session, dylib, ids, **options)


def lookup_names(
    session: Lifetime,
    dylib: Contents,
    names: Sequence[NameLike],
    *,
    weak: Sequence[NameLike] = (),
    kind: LookupKind = LookupKind.STATIC,
    initialize: bool = True,
    timeout: float | None = None,
) -> dict[NameLike, int]:
    """See `Session.lookup_names`."""
    texts = [*listed(names, "names"), *listed(weak, "weak")]
    answers = query(
        session,
        dylib,
        [encode_name(name) for name in texts],
        # Weak names stand behind the others in one list, so that one lookup answers for both.
        weak=np.arange(len(texts)) >= len(names) if weak else None,
        kind=kind,
        roots=initialize,
        timeout=timeout,
    ).run()
    return {name: answer[0] for name, answer in zip(texts, answers, strict=True) if answer is not None}


def look_up_lazily(session: Lifetime, number: int, use: Callable[[ResourceTracker], None]) -> int:
    """See `uruk.orc.registry.lazy.LookUp`. Raises InvalidType for data, FunctionGone for what was replaced away."""
    if session.closed:
        raise SessionClosed(GONE)
    if number in session.lazy.gone:  # a search would find others of that name, in libraries
        raise FunctionGone(*session.lazy.gone[number])
    from uruk.orc.lookup.query import Query  # see `query`

    lookup = Query(session, session.ids.home(number).owner, np.array([number], np.int32), bodies=True)
    answer = lookup.run()[0]
    if answer is None:
        raise UndefinedSymbols([])
    address, flags = answer
    if not flags & Flag.FUNCTION:
        text = session.ids.text(number).decode("utf-8", "replace")
        raise InvalidType(f"cannot make `{text}' lazy: it is data, not a function")
    with session.lock:
        owner = int(session.table.owner[lookup.finals()[0]])
        if owner >= 0:
            use(session.objects[owner].tracker)
    return address


def ready_address(session: Lifetime, dylib: Contents, name: str | bytes, roots: bool) -> int | None:
    """Return the address of a symbol that a lookup would find without any work; None where it has something to do."""
    with session.lock:
        number = _idle_name(session, dylib, name)
        if number is None or (roots and (session.initializers.waiting or dylib.has_roots())):
            return None
        return _ready_address(session, number)


def quick_address(
    session: Lifetime, dylib: Contents, name: str | bytes, roots: bool, timeout: float | None = None
) -> int | None:
    """Return the address of a symbol that is ready, or that one object defines which is linked now, row by row.

    Initialisers that wait are those of that object, or there are none. Returns None where there is anything else to do:
    to search or to make. Raises what linking and initialising raise.
    """
    with session.lock:
        number = _idle_name(session, dylib, name)
        if number is None:
            return None
        if not (roots and (session.initializers.waiting or dylib.has_roots())):
            if not session.table.cells.ready[number] and not _lone_linker()(session, dylib, number):
                return None
            return _ready_address(session, number)
    from uruk.orc.lookup.lone_root import LoneRoot  # most objects have no initialisers

    if not LoneRoot(session, dylib, number).run(timeout):
        return None
    with session.lock:
        return _ready_address(session, number)


@cache
def _lone_linker() -> Callable[[Lifetime, Contents, int], bool]:
    from uruk.orc.lookup.one_object import link_alone  # a session that was only opened links nothing

    return link_alone


def _idle_name(session: Lifetime, dylib: Contents, name: str | bytes) -> int | None:
    """Return the number of a name; None where a lookup of it has more to do than to find, link and initialise it."""
    number = dylib.names.get(encode_name(name))
    # The table may be shorter than the numbers of names: it grows when definitions are recorded.
    if number is None or number >= len(session.table.cells.ready) or session.closed or dylib.removed:
        return None
    # A thread may be initialising the code of the symbol now: the long way waits for that.
    if session.initializers.running or dylib.names.ids is not session.ids:
        return None
    return number


def _ready_address(session: Lifetime, number: int) -> int | None:
    cells = session.table.cells
    if not cells.ready[number] or cells.flags[number] & _UNUSUAL:
        return None
    address: int = cells.address[number]
    return address % ADDRESSES


_UNUSUAL = Flag.HIDDEN | Flag.TLS
