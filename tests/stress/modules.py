"""What one thread has added, and so knows: its modules, who uses whom, and what each name has to give."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import uruk


@dataclass(eq=False)
class Module:
    """One definition of one name. `needs`: the thread's own module that it calls or stands for."""

    name: str
    dylib: uruk.JITDylib
    value: int
    group: Group
    needs: Module | None = None
    address: int | None = None
    """Where it is known to be: that of an absolute definition, which is not called."""
    constructed: bool = False
    """An initialiser gives it its value."""
    links: bool = True
    """Code that is linked to what it needs; False for aliases."""
    linked: bool = False
    fails: int = 0
    """How often making it fails; -1 always."""

    def chain(self) -> Iterator[Module]:
        """It, and what it needs, directly or not."""
        one: Module | None = self
        while one is not None:
            yield one
            one = one.needs

    def lacks(self, group: Group) -> bool:
        """Whether it cannot be found without a group: what is not linked yet needs that."""
        for one in self.chain():
            if one.group is group:
                return True
            if one.links and one.linked:
                return False
        return False

    @property
    def fails_always(self) -> bool:
        """Whether it, or what it needs, can never be made."""
        return any(one.fails < 0 for one in self.chain())

    @property
    def may_fail(self) -> bool:
        """Whether a lookup of it may fail at the first try."""
        return any(one.fails and not one.linked for one in self.chain())


@dataclass(eq=False)
class Group:
    """A tracker and what it owns."""

    tracker: uruk.ResourceTracker
    dylib: uruk.JITDylib
    modules: list[Module] = field(default_factory=list[Module])


class Mine:
    """The groups of one thread, in the order in which they were added."""

    def __init__(self) -> None:
        self.groups: list[Group] = []

    def modules(self) -> list[Module]:
        """All modules."""
        return [module for group in self.groups for module in group.modules]

    def users(self, group: Group) -> list[Module]:
        """Modules of other groups that need one of this group, directly or not."""
        return [one for one in self.modules() if one.group is not group and any(m.group is group for m in one.chain())]

    def holders(self, group: Group) -> list[Module]:
        """Modules of other groups whose linked code refers to this group's: they keep it from being removed."""
        return [one for one in self.users(group) if one.linked and one.links and _provider(one).group is group]

    def forget(self, group: Group) -> None:
        """A group was removed."""
        self.groups.remove(group)


def _provider(module: Module) -> Module:
    """The module whose code a caller's code refers to: an alias's target, if it calls an alias."""
    one = module.needs
    while one is not None and not one.links and one.needs is not None:
        one = one.needs
    return one if one is not None else module
