"""Lazy functions of a session: which name is behind each stub, and what its first call does."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import numpy as np

from uruk.errors import SessionClosed, UndefinedSymbols, UrukError
from uruk.graph.types import I64
from uruk.orc.query import Query
from uruk.orc.symbols import Flag

if TYPE_CHECKING:
    from uruk.executor.lazy_stubs import LazyStubs
    from uruk.orc.objects import LazyEntry
    from uruk.orc.session import Session


class LazyFunctions:
    """Stubs of one session, by address. The first call of one makes what is behind it, from any thread, once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.errors: list[tuple[str, BaseException]] = []
        """Names whose making failed when they were called, with what went wrong, oldest first."""
        self._stubs: LazyStubs | None = None
        self._closed = False
        self._target: dict[int, int] = {}
        """Stub number -> the name that is behind it."""

    @property
    def stubs(self) -> LazyStubs:
        """The executor's stubs, from the first use on."""
        if self._stubs is None:
            self.session.check_open()
            self._stubs = self.session.executor.lazy_stubs(self._resolve, self._note, threading.RLock())
        return self._stubs

    def take(self, count: int) -> I64:
        """Addresses of new stubs."""
        return self.stubs.take(count)

    def give(self, addresses: I64) -> None:
        """Stubs, by address, that nobody calls any more."""
        if self._stubs is None or self._closed:
            return
        numbers = self._stubs.numbers(addresses)
        for stub in numbers.tolist():
            self._target.pop(stub, None)
        self._stubs.give(numbers)

    def point(self, entry: LazyEntry) -> None:
        """Remember what an entry's names stand for."""
        numbers: list[int] = self.stubs.numbers(entry.stubs).tolist()
        self._target.update(zip(numbers, entry.targets.values(), strict=True))

    def handler(self, address: int) -> None:
        """Where control goes when a function cannot be made: one of the same ABI; 0 for the default, which aborts."""
        self.stubs.handler = address

    def close(self) -> None:
        """Nothing is made any more: stubs lead to the handler. Waits, for a while, for calls that are being made."""
        if self._stubs is not None and not self._closed:
            self._closed = True
            self._stubs.close()

    def _resolve(self, stub: int) -> int:
        """The address of what is behind a stub: its first call waits for it, in whatever thread."""
        session = self.session
        number = self._target.get(stub)
        if number is None or session.closed:
            raise SessionClosed("the function was removed, or its session was closed")
        query = Query(session, session.ids.home(number).owner, np.array([number], np.int32), bodies=True)
        answer = query.run()[0]
        if answer is None:
            raise UndefinedSymbols([])
        address, flags = answer
        if not flags & Flag.FUNCTION:
            raise UrukError(
                f"`{session.ids.text(number).decode('utf-8', 'replace')}' is no function: it cannot be lazy"
            )
        return address

    def _note(self, stub: int, error: BaseException) -> None:
        """Keep an error that a lazy call had."""
        number = self._target.get(stub)
        name = "?"
        with contextlib.suppress(UrukError):
            name = "?" if number is None else self.session.ids.text(number).decode("utf-8", "replace")
        self.errors.append((name, error))
        del self.errors[:-100]
