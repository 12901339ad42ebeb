"""Answers a lookup, once all is linked: the address and flags of each name, or the reason why it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from uruk.errors import TLSError, Undefined, UndefinedSymbols
from uruk.orc.lookup.externals import find_externals, hints, load_needed
from uruk.orc.registry.symbols import Flag
from uruk.passes.undefined import MOST_HINTS
from uruk.records import record

if TYPE_CHECKING:
    from uruk.graph.types import I32, Bool
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.entries import Contents

ADDRESS = (1 << 64) - 1
Answer = tuple[int, int]
"""Address and Flag bits."""
Outcome: TypeAlias = "Answer | Undefined | TLSError | None"
"""The answer for one name, the error for it, or None for a weak reference that nothing defines."""


def ready_answer(session: Lifetime, number: int) -> Answer | None:
    """Return the answer for a name that has its own definition, is linked, and may be seen by all.

    Returns None for others, which `Question` answers.
    """
    table = session.table
    if session.has_imports or number in session.displaced or not table.ready.item(number):
        return None
    flags = table.flags.item(number)
    return None if flags & (Flag.HIDDEN | Flag.TLS) else (table.address.item(number) & ADDRESS, flags)


@record
class Question:
    """Names that were looked up, and the definitions that they stand for, which are linked by now.

    `own`: hidden definitions answer, too; without it only those that aliases and re-exports stand for.
    `of_program`: thread-locals answer as well, by their offsets.
    """

    session: Lifetime
    dylib: Contents
    ids: I32
    finals: I32
    weak: Bool | None
    own: bool
    of_program: bool

    def outcomes(self) -> list[Outcome]:
        """Return the outcome for each name, in order; undefined ones have hints."""
        session = self.session
        session.bind_imports(self.finals)
        finals: list[int] = self.finals.tolist()
        outcomes = [self._outcome(row, number, finals[row]) for row, number in enumerate(self.ids.tolist())]
        undefined = {row: outcome for row, outcome in enumerate(outcomes) if isinstance(outcome, Undefined)}
        # Hints are looked for together: they build an index of all names, which costs the same for one name.
        asked = {row: outcome for row, outcome in undefined.items() if not outcome.hint}
        if asked:
            texts = {row: session.ids.text(finals[row]) for row in list(asked)[:MOST_HINTS]}
            known = hints(session, self.dylib, dict.fromkeys(texts.values(), ""))
            for row, text in texts.items():
                outcomes[row] = asked[row].with_hint(known.get(text, ""))
        return outcomes

    def _outcome(self, row: int, number: int, final: int) -> Outcome:
        """Return the outcome for the name `number`, whose definition is that of the name `final`."""
        session, table = self.session, self.session.table
        ready, flags = bool(table.ready[final]), int(table.flags[final])
        if ready and (self.own or final != number or not flags & Flag.HIDDEN):
            if flags & Flag.TLS and not self.of_program:  # libraries may want a program's by its offset
                hint = "look up a function that returns its address"
                problem = "is thread-local: every thread has its own, so it has no one address"
                return TLSError(f"`{self.dylib.text(number)}'", problem, hint)
            return self._place(number, int(table.address[final])), flags
        home = session.home(final, self.dylib)
        if not ready and table.owner[final] < 0:
            name = session.ids.text(final)
            # Libraries that are deferred are loaded only when a name is nowhere else.
            load_needed(session, home, [name])
            is_found, address, is_data = find_externals(session, home, [name])
            if is_found[0]:
                return self._place(number, int(address[0])), 0 if is_data[0] else int(Flag.FUNCTION)
        if self.weak is not None and self.weak[row]:
            return None
        return self._undefined(number, final, home, is_hidden=ready)

    def _place(self, number: int, address: int) -> int:
        """Return the address that a name stands for, which may lie behind that of its definition (--defsym)."""
        return (address + self.session.displaced.get(number, 0)) & ADDRESS

    def _undefined(self, number: int, final: int, home: Contents, *, is_hidden: bool) -> Undefined:
        hint = "it is hidden: visible only to code linked with it" if is_hidden else ""
        if home.removed:
            hint = f"`{self.dylib.text(number)}' stands for it in dylib {home.name}, which was removed"
        text = self.session.ids.text(final).decode("utf-8", "replace")
        from uruk.demangle import demangle  # for errors: not at start-up

        return Undefined(text, demangle(text), (), 0, hint)


def checked(outcomes: list[Outcome]) -> list[Answer | None]:
    """Return the answers. Raises the errors of names that have none."""
    missing = [outcome for outcome in outcomes if isinstance(outcome, Undefined)]
    if missing:
        raise UndefinedSymbols(missing)
    answers: list[Answer | None] = []
    for outcome in outcomes:
        if isinstance(outcome, TLSError):
            raise outcome
        answers.append(outcome if not isinstance(outcome, Undefined) else None)
    return answers
