"""The session: dylibs, the executor, and all that its lookups share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from uruk.errors import InvalidType, InvalidValue
from uruk.orc.dispatch import Dispatcher, InlineDispatcher, Task
from uruk.orc.dylib import JITDylib
from uruk.orc.lifetime import closing
from uruk.orc.lifetime.callback_errors import led_to
from uruk.orc.lifetime.forking import watch
from uruk.orc.lifetime.lifetime import Lifetime
from uruk.orc.lookup import by_name
from uruk.orc.registry.inputs import check
from uruk.orc.registry.options import Options
from uruk.orc.registry.search import LookupKind

if TYPE_CHECKING:
    from concurrent.futures import Future

    from uruk.executor.interface import Executor
    from uruk.orc.introspection import MappedRange
    from uruk.orc.lookup.answers import Answer
    from uruk.orc.platform import Platform
    from uruk.orc.registry.registry import Hints
    from uruk.orc.registry.symbol_flags import SymbolFlags
    from uruk.orc.registry.symbols import NameLike
    from uruk.orc.registry.tracker import Released, Replacement, ResourceTracker
    from uruk.orc.units import MaterializationResponsibility
    from uruk.passes.state import State


def _responsibility(
    dylib: JITDylib, symbols: dict[str, SymbolFlags], requested: frozenset[str]
) -> MaterializationResponsibility:
    from uruk.orc.units import MaterializationResponsibility  # most sessions have no units

    return MaterializationResponsibility(dylib, symbols, requested)


class Session(Lifetime):
    """Owns names, dylibs and trackers; links into the memory of one executor. Methods may be called from any thread.

    `lock` is held while names are searched and code is linked. Hooks of the link and IFUNC resolvers run under it;
    units, generators, initialisers and finalisers do not. What it holds is in `uruk.orc.registry.registry.Registry`.
    """

    dylibs: dict[str, JITDylib]

    def __init__(
        self,
        executor: Executor,
        platform: Platform | None,
        options: Options | None = None,
        hints: Hints | None = None,
        dispatcher: Dispatcher | None = None,
    ) -> None:
        super().__init__(
            executor,
            platform,
            options or Options(),
            dispatcher or InlineDispatcher(),
            hints,
            _responsibility,
            partial(by_name.look_up_lazily, self),
        )
        watch(self)

    # -- dylibs and trackers

    def create_dylib(self, name: str, *, bare: bool = False) -> JITDylib:
        """Return a new, empty dylib. `bare`: its code sees neither the process nor compiler builtins.

        Raises UrukError if the session has one of that name.
        """
        return JITDylib.create(self, name, bare=bare)

    def remove_dylib(self, dylib: JITDylib, *, force: bool = False) -> None:
        """Finalise and remove everything in a dylib, newest first, and the dylib itself.

        Raises InUse, with nothing removed, if code of other dylibs uses it, unless `force`.
        """
        from uruk.orc.lifetime import removal  # many sessions remove nothing

        with led_to():
            removal.remove_dylib(self, dylib, force=force)

    def remove_tracker(self, tracker: ResourceTracker, force: bool) -> Released:
        """See `ResourceTracker.remove`."""
        from uruk.orc.lifetime import removal

        with led_to():
            return removal.remove_tracker(self, tracker, force)

    def transfer(self, source: ResourceTracker, target: ResourceTracker) -> None:
        """See `ResourceTracker.transfer_to`."""
        from uruk.orc.lifetime import removal

        with self.lock:
            self.check_open()
            removal.transfer(self, source, target)

    def replace_tracker(self, tracker: ResourceTracker, replacement: Replacement) -> None:
        """See `ResourceTracker.replace`."""
        from uruk.orc.replacing.sources import replace_code  # sessions that replace nothing start without it

        replace_code(self, tracker, replacement)

    def collect(self) -> Released:
        """Give back replaced and removed code that no thread and no call is in any more; see `LLJIT.collect`."""
        from uruk.orc.lifetime import removal
        from uruk.orc.replacing.collect import collect

        released = collect(self)
        removal.sweep_now(self, released)
        return released

    def __repr__(self) -> str:
        state = ", closed" if self.closed else ""
        return f"<Session of {len(self.dylibs)} dylibs and {len(self.objects)} entries in {self.executor!r}{state}>"

    # -- lookups

    def lookup(
        self,
        dylib: JITDylib,
        names: Sequence[bytes],
        *,
        roots: bool,
        again: bool = False,
        everything: bool = False,
    ) -> list[Answer]:
        """Return the address and flags of each name, linking whatever is needed; only with `roots` do initialisers run.

        See `Query` for the options. Raises UndefinedSymbols for names that nothing defines, and whatever
        materialization and linking raise.
        """
        query = by_name.query(self, dylib, names, roots=roots, again=again, everything=everything)
        return [answer for answer in query.run() if answer is not None]

    def lookup_names(
        self,
        dylib: JITDylib,
        names: Sequence[NameLike],
        *,
        weak: Sequence[NameLike] = (),
        kind: LookupKind = LookupKind.STATIC,
        initialize: bool = True,
        timeout: float | None = None,
    ) -> dict[NameLike, int]:
        """Return addresses by name: of all `names`, and of those of the `weak` ones that something defines.

        Everything that is needed is linked as one batch. `initialize`: initialisers run. `timeout` in seconds: then
        LookupTimeout says what was not done. Raises UndefinedSymbols, and whatever materialization and linking raise.
        """
        return by_name.lookup_names(self, dylib, names, weak=weak, kind=kind, initialize=initialize, timeout=timeout)

    def in_background(self, work: Callable[[], Any]) -> Future[Any]:
        """Do something in a thread that is not the dispatcher's: a lookup that waits must not take a place of units."""
        from concurrent.futures import Future  # brings logging, which costs start-up time

        future: Future[Any] = Future()

        def run() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)

        self.background.dispatch(Task("a lookup in the background", run))
        return future

    # -- passes

    def add_pass(self, point: str, plugin: Callable[[State], None]) -> None:
        """Have every link call `plugin` with its state at a point; several at one point run as they were added.

        The points are in `uruk.passes.steps`, what a plug-in may do in `uruk.passes.editing`. It runs with the session
        locked. What it raises ends that link, as a PassError. Raises UrukError for an unknown point.
        """
        from uruk.passes.steps import check_point  # few sessions have plug-ins

        check(point, str, "point", "the name of a point of a link, such as 'post-prune'")
        if not callable(plugin):
            raise InvalidType(f"{plugin!r} is not a plug-in, which is called with the state of a link")
        with self.lock:
            self.check_open()
            self.hooks.setdefault(check_point(point), []).append(plugin)

    def remove_pass(self, point: str, plugin: Callable[[State], None]) -> None:
        """Take a plug-in out again. Raises UrukError if it is not there."""
        from uruk.passes.steps import check_point

        with self.lock:
            plugins = self.hooks.get(check_point(point), [])
            if plugin not in plugins:
                raise InvalidValue(f"no such pass at {point}")
            plugins.remove(plugin)

    # -- what is there

    def dump(self) -> str:
        """Return dylibs, symbols and their states, units in the making and the lookups that wait for them, as text."""
        with self.lock:
            from uruk.orc import introspection

            return introspection.text(introspection.describe(self))

    def describe(self) -> dict[str, Any]:
        """Return the content of `dump`, as plain data for JSON."""
        with self.lock:
            from uruk.orc import introspection

            return introspection.describe(self)

    def memory_map(self) -> list[MappedRange]:
        """Return the memory map: segments of linked code by address, each with its tracker."""
        with self.lock:
            from uruk.orc import introspection

            return introspection.memory_map(self)

    # -- the end

    def close(self) -> None:
        """Remove everything, newest first, and give all memory back. Closing twice does nothing.

        Another process ends within a few seconds, whatever it does; calls that wait for it raise an ExecutorError then.
        """
        with led_to():
            closing.close(self)

    def finish(self) -> None:
        """Close when the interpreter ends: code stays where it is, finalisers are left to the C library's exit."""
        closing.finish(self)
