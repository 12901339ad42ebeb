"""Lazy functions of a session: which name is behind each stub, and what its first call does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from uruk.errors import SessionClosed, UrukError

if TYPE_CHECKING:
    from uruk.executor.lazy_stubs import LazyStubs
    from uruk.graph.names import Ids
    from uruk.graph.types import I64
    from uruk.orc.registry.entries import LazyEntry
    from uruk.orc.registry.tracker import ResourceTracker

LookUp: TypeAlias = "Callable[[int, Callable[[ResourceTracker], None]], int]"
"""Gives the address of the function that a name stands for, linked with all that it needs; before, it calls the given
function with the tracker whose code that is, under the session's lock."""
OpenStubs: TypeAlias = "Callable[[Callable[[int], int], Callable[[int, BaseException], object]], LazyStubs]"
"""See `uruk.orc.platform.Platform.lazy_stubs`. Raises UrukError where nothing is run."""
GONE = "the function was removed, or its session was closed"


class LazyFunctions:
    """Stubs of one session, by address. The first call of one makes what is behind it, from any thread, once."""

    def __init__(self, ids: Ids, open_stubs: OpenStubs, look_up: LookUp) -> None:
        self._ids = ids
        self._open_stubs = open_stubs
        self._look_up = look_up
        self.errors: list[tuple[str, BaseException]] = []
        """Names whose making failed when they were called, with what went wrong, oldest first."""
        self._stubs: LazyStubs | None = None
        self.gone: dict[int, tuple[str, str]] = {}
        """Names of functions that a replacement does not define any more: name and file for FunctionGone."""
        self.given: Callable[[Collection[int], str], object] | None = None
        """Called with addresses of stubs that are given back, and whose they were, once there are typed callables."""
        self.led: Callable[[int, tuple[str, str] | None], object] | None = None
        """Called with a stub that leads elsewhere now, and what FunctionGone says where that is to no function."""
        self._closed = False
        self._native_handler = True
        self._target: dict[int, int] = {}
        """Stub number -> the name that is behind it."""
        self._entry: dict[int, LazyEntry] = {}
        """Stub number -> the entry whose name it is."""
        self._behind: dict[int, set[int]] = {}
        """Number of a tracker -> stubs of other trackers that jump to its code."""

    @property
    def stubs(self) -> LazyStubs:
        """The stubs, from the first use on."""
        if self._stubs is None:
            self._stubs = self._open_stubs(self._resolve, self._note)
        return self._stubs

    def take(self, count: int) -> I64:
        """Return addresses of new stubs."""
        return self.stubs.take(count)

    def give(self, addresses: I64) -> None:
        """Take back stubs, by address, that nothing calls any more."""
        # After the close no stub belongs to the session: asking for `stubs` here would open new ones.
        if self._stubs is None or self._closed:
            return
        numbers = self._stubs.numbers(addresses)
        if self.given is not None and addresses.size:
            entry = self._entry.get(int(numbers[0]))
            self.given(addresses.tolist(), entry.tracker.name if entry is not None else "a lazy object")
        for stub in numbers.tolist():
            # Before the stubs are given back: a number may be another entry's as soon as it is.
            self.gone.pop(self._target.pop(stub, -1), None)
            self._entry.pop(stub, None)
        self._stubs.give(numbers)

    def lead(self, addresses: Sequence[int], targets: Sequence[int]) -> None:
        """Let stubs, by address, go to these functions from now on; to 0: ask again."""
        numbers = self.stubs.numbers(list(addresses))
        self.stubs.bind(numbers, list(targets))
        if self.led is not None:
            for address, number, target in zip(addresses, numbers.tolist(), targets, strict=True):
                self.led(address, None if target else self.gone.get(self._target.get(number, -1)))

    def target_of(self, address: int) -> int:
        """Return the address that a stub, by its address, goes to; 0 while it is lazy."""
        return self.stubs.target(int(self.stubs.numbers([address])[0]))

    @property
    def in_flight(self) -> int:
        """The number of calls that ask what is behind a stub, of all threads."""
        return self._stubs.in_flight if self._stubs is not None and not self._closed else 0

    def point(self, entry: LazyEntry) -> None:
        """Remember what an entry's names stand for."""
        numbers: list[int] = self.stubs.numbers(entry.stubs).tolist()
        self._target.update(zip(numbers, entry.targets.values(), strict=True))
        self._entry.update(dict.fromkeys(numbers, entry))

    def set_handler(self, address: int, *, native: bool) -> None:
        """Set the function that runs in place of one that cannot be made: 0 for the default, which aborts.

        One that is not `native` enters Python: it is given up when the interpreter ends.
        """
        self.stubs.handler = address
        self._native_handler = native

    def _drop_handler(self, *, lost: bool) -> None:
        """Go back to the default handler if the session's own is `lost`."""
        # A handler in removed code, or in a Python that ends, would be called by the next stub that fails.
        if lost and self._stubs is not None and self._stubs.handler and not self._closed:
            self._stubs.handler = 0

    def end(self) -> None:
        """Prepare for the interpreter's end: functions that were made stay; the runtime redirects others."""
        self._drop_handler(lost=not self._native_handler)

    def leave(self) -> None:
        """Make nothing any more, and send no message for that: the process that has the stubs ends."""
        self._closed = True
        if self._stubs is not None:
            self._stubs.leave()

    def close(self, is_linked: Callable[[int], bool]) -> None:
        """Make nothing any more: stubs jump to the handler. Waits, for a while, for calls that are being made.

        `is_linked` tells of an address whether it is code of the session, which goes; such a handler goes, too.
        """
        if self._stubs is not None and not self._closed:
            self._drop_handler(lost=is_linked(self._stubs.handler))
            self._closed = True
            self._stubs.close()

    def _resolve(self, stub: int) -> int:
        """Return the address of what is behind a stub: its first call waits for it, in whatever thread."""
        number = self._target.get(stub)
        if number is None:
            raise SessionClosed(GONE)
        # The use is noted under the lock before the address is out: no removal comes between the two.
        return self._look_up(number, partial(self._note_use, stub))

    def _note_use(self, stub: int, behind: ResourceTracker) -> None:
        """Note that the stub's tracker uses the code behind the stub: if that goes, the stub is lazy again."""
        entry = self._entry.get(stub)
        if entry is not None and behind is not entry.tracker:
            entry.tracker.use(behind)
            self._behind.setdefault(behind.number, set()).add(stub)

    def transfer(self, source: ResourceTracker, target: ResourceTracker) -> None:
        """Note that one tracker's code belongs to another one now."""
        stubs = self._behind.pop(source.number, None)
        if stubs:
            self._behind.setdefault(target.number, set()).update(stubs)

    def retract(self, tracker: ResourceTracker) -> None:
        """Make stubs of other trackers lazy again that jump to the code of a tracker, which is being removed."""
        # A stub that was given back since may be free, and must not be written to.
        stubs = [stub for stub in self._behind.pop(tracker.number, ()) if stub in self._target]
        if stubs and not self._closed:
            self.stubs.reset(stubs)

    def _note(self, stub: int, error: BaseException) -> None:
        """Keep an error that a lazy call had."""
        number = self._target.get(stub)
        name = "?"
        with contextlib.suppress(UrukError):
            name = "?" if number is None else self._ids.text(number).decode("utf-8", "replace")
        self.errors.append((name, error))
        # A program that calls a broken function in a loop must not fill the memory with its errors.
        del self.errors[:-100]
