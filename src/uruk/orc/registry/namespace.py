"""Namespaces: a name, a table of names, and the link order, in which code looks names up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

    from uruk.graph.names import Names


class Namespace:
    """The part of a dylib that is about link orders; what the dylib contains is in `uruk.orc.registry.entries`."""

    order: list[tuple[Self, bool]]
    """The link order: dylibs, and for each whether its hidden symbols are visible, too."""
    implements: Self | None
    """For an implementation dylib: the dylib whose lazy functions' bodies it holds."""

    def __init__(self, name: str, names: Names, implements: Self | None) -> None:
        self.name = name
        self.names = names
        self.implements = implements
        self.order = [(self, True)]
        names.owner = self

    @property
    def stands_alone(self) -> bool:
        """True if its link order is itself and nothing else."""
        return len(self.order) == 1 and self.order[0][0] is self and self.implements is None

    @property
    def is_first(self) -> bool:
        """True if its code sees its own symbols before any other's."""
        return self.order[0][0] is self and self.implements is None

    def dependencies(self) -> list[Self]:
        """Return this dylib and all that it reaches by link orders. Dependencies come first, as ld.so initialises."""
        if self.stands_alone:
            return [self]
        if self.implements is not None:
            return self.implements.dependencies()
        reached: dict[Self, None] = {}
        entered: set[Self] = set()
        # A stack of its own, and no recursion: chains of dylibs may be longer than Python's limit.
        stack: list[tuple[Self, int]] = [(self, 0)]
        while stack:
            dylib, at = stack.pop()
            entered.add(dylib)
            below = [neighbour for neighbour, _ in dylib.order[at:]]
            for step, neighbour in enumerate(below, at + 1):
                if neighbour not in entered:
                    # The dylib goes on behind this neighbour when that is done.
                    stack += [(dylib, step), (neighbour, 0)]
                    break
            else:
                # A dylib is entered in the result after all below it; a dict keeps that order, and each once.
                reached.setdefault(dylib)
        return list(reached)

    def order_for_code(self) -> list[tuple[Self, bool]]:
        """Return the link order of its code.

        An implementation dylib has its public one's, with itself inserted behind that.
        """
        public = self.implements
        if public is None:
            return self.order
        return [
            pair
            for dylib, hidden in public.order
            # Bodies call the public stubs, so that a function that is replaced there is replaced for them, too.
            for pair in ([(public, True), (self, True)] if dylib is public else [(dylib, hidden)])
        ]

    def drop_from_order(self, dylib: Namespace) -> None:
        """Take a dylib out of the link order."""
        self.order = [pair for pair in self.order if pair[0] is not dylib]
