"""Names that the batch does not define: the session is asked for them, once, before anything is placed."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from uruk.graph.types import I32, Bool, some
from uruk.passes import resolve, undefined
from uruk.passes.rules import Rules
from uruk.passes.state import NO_EXTERNALS, Externals, State


class ResolveNames(Protocol):
    """Answers for undefined names: ids, and for each whether it is weak only, thread-local, hidden."""

    def __call__(self, names: I32, weak: Bool, tls: Bool, hidden: Bool) -> Externals: ...


def ask(state: State, rules: Rules, answers: ResolveNames, phony: bool, hints: undefined.Hints | None) -> None:
    """Fill `external`: the session's answers, and what the link provides itself, as the format's rules say.

    Raises LinkFaults of UndefinedSymbols, unless `phony`: then names that nothing defines are 0.
    """
    rows = state.undefined
    if rows.size == 0:
        state.external = NO_EXTERNALS
        return
    # The session is not asked for these, as another module's or a library's would mean another place.
    own = rules.provided()
    weak, is_tls, hidden = resolve.undefined_facts(state)
    # What the link provides itself counts as found data at 0, until it has an address: no stub is made for it.
    asked = ~own
    count = rows.size
    state.external = Externals(np.ones(count, np.bool_), np.zeros(count, np.int64), np.ones(count, np.bool_), own=own)
    if not some(asked):
        return
    answer = answers(state.symbols.name[rows[asked]], weak[asked], is_tls[asked], hidden[asked])
    state.external.found[asked] = answer.found
    state.external.address[asked] = answer.address
    state.external.is_data[asked] = answer.is_data
    state.external.origin = answer.origin
    where = np.flatnonzero(asked)
    # The answer counts its rows among the asked names only; `external` counts all undefined ones.
    state.external.tls = {int(where[row]): home for row, home in answer.tls.items()}
    # Now it is known which of these names the session has not; what the link makes counts as found from here on.
    rules.take_places()
    resolve.functions_are_no_data(state)
    state.external.is_data |= ~state.external.found & weak  # 0 is no place for a stub to stand for
    if state.graph.fallbacks.symbol.size:
        # Fallbacks come behind all answers: any definition goes before them.
        resolve.use_fallbacks(state)
    missing = ~state.external.found & ~weak
    if some(missing) and not phony:
        undefined.refuse(state, rows[missing], hints)
