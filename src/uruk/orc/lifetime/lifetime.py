"""The life of a session's code, besides the registry: initialisers, removed code, the end of the session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

from uruk.orc.lifetime.initialization import Initializers
from uruk.orc.lifetime.withheld import Withheld
from uruk.orc.registry.registry import Hints, NewDelivery, Registry

if TYPE_CHECKING:
    from uruk.executor.code_calls import CodeCalls
    from uruk.executor.interface import Executor
    from uruk.executor.presence import Presences
    from uruk.graph.graph import Graph
    from uruk.orc.dispatch import Dispatcher
    from uruk.orc.platform import Platform
    from uruk.orc.registry.lazy import LookUp
    from uruk.orc.registry.options import Options
    from uruk.orc.registry.tracker import ResourceTracker

ChangedTypes: TypeAlias = "Callable[[Sequence[Graph], Sequence[Graph], Sequence[str]], dict[str, str]]"
"""Names what differs for each of some variables of two versions of an object."""


class End:
    """The end of a session: one thread sees to it. Where Ctrl-C ends that thread's call, the next one goes on."""

    def __init__(self) -> None:
        self.lock = threading.RLock()  # reentrant: a thread interrupted right after it took the lock can go on
        self.running = False
        """True while a thread sees to it, and once the process ends; finalisers that close the session do nothing."""
        self.done = threading.Event()


class Lifetime(Registry):
    """A registry whose code is initialised, finalised and removed."""

    def __init__(
        self,
        executor: Executor,
        platform: Platform | None,
        options: Options,
        dispatcher: Dispatcher,
        hints: Hints | None,
        new_delivery: NewDelivery,
        look_up: LookUp,
    ) -> None:
        super().__init__(executor, platform, options, dispatcher, hints, new_delivery, look_up)
        self.initializers = Initializers(self)
        self.withheld = Withheld(self)
        self.end = End()
        self.replaced: list[Any] = []
        """Old versions of replaced code that are still in memory; see `uruk.orc.replacing.collect`."""
        self.changed_types: ChangedTypes | None = None
        """Tells which variables of replaced code have other types than before; see `uruk.debug_info.changed_types`."""
        self.last_search = 0.0, 0.0
        """The time when the last search of threads for replaced code began, and how long it took, in seconds."""
        self.calls: CodeCalls | None = None
        """Typed callables of the session's code, once there are any."""
        self.presences: Presences | None = None
        """Variables of the session's code that views lead to, once there are any."""
        self.spent: dict[str, float] = {}
        """The parts of lookups beside links, and the seconds that all of them took by now."""
        self.texts = 0
        """The number of texts without names that were compiled."""

    @contextmanager
    def spending(self, part: str) -> Generator[None, None, None]:
        """Count the time inside as spent on a part of a lookup, and as no time of a part around it."""
        begin, inner = perf_counter(), sum(self.spent.values())
        try:
            yield
        finally:
            inner = sum(self.spent.values()) - inner
            self.spent[part] = self.spent.get(part, 0.0) + perf_counter() - begin - inner

    def finalize(self, trackers: Sequence[ResourceTracker]) -> None:
        """Run the finalisers of trackers, newest first."""
        if self.platform is not None and self.options.execute:
            self.platform.finalize(sorted(trackers, key=lambda tracker: -tracker.number))
