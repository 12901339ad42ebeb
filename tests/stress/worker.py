"""One thread of the stress: actions at random, each checked against what the thread knows."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable

from modules import Group, Mine, Module
from pieces import name_of
from world import FUNCTION, World

import uruk
from uruk import SymbolFlags

CALL = "int(void)"
MOST = 30
"""How many modules a thread has at most."""


class Worker(threading.Thread):
    """Does actions until the time is over; what goes wrong is noted in the world."""

    def __init__(self, world: World, number: int) -> None:
        super().__init__(name=f"stress {number}", daemon=True)
        self.world = world
        self.jit = world.jit
        self.number = number
        self.random = world.rng(number)
        self.mine = Mine()
        self.since = time.monotonic()
        """When the action that it is in began."""
        self.doing = ""
        self._serial = 0

    def actions(self) -> list[tuple[Callable[[], None], int]]:
        """What it does, and how often; those of other files of this folder are added by `program`."""
        return [
            (self.add_leaf, 6), (self.add_caller, 5), (self.add_unit, 6), (self.add_others, 2),
            (self.look_up, 14), (self.look_up_many, 4), (self.look_up_later, 3), (self.look_up_nothing, 1),
            (self.remove, 7), (self.remove_anyway, 2), (self.transfer, 2),
        ]  # fmt: skip

    def run(self) -> None:
        """Go on until the time is over, then remove everything."""
        actions = self.actions()
        choices, weights = [one for one, _ in actions], [weight for _, weight in actions]
        try:
            while time.monotonic() < self.world.end:
                self.do(self.random.choices(choices, weights)[0])
            if not self.world.failures:
                self.do(self.remove_all)
        except BaseException:
            self.world.fail(f"{self.name}, {self.doing}:\n{traceback.format_exc()}")

    def do(self, action: Callable[[], None]) -> None:
        """One action."""
        self.doing, self.since = action.__name__, time.monotonic()
        action()
        self.world.count(self.doing)

    # -- adding

    def new_name(self) -> str:
        """A name that nobody else has."""
        self._serial += 1
        return name_of(self.number, self._serial)

    def enter(self, module: Module) -> Module:
        """Note a module that was added."""
        if module.group not in self.mine.groups:
            self.mine.groups.append(module.group)
        module.group.modules.append(module)
        return module

    def group_for(self, dylib: uruk.JITDylib) -> Group:
        """Where the next module goes: mostly a tracker of its own, else one that has something already."""
        others = [group for group in self.mine.groups if group.dylib is dylib]
        if others and self.random.random() < 0.3:
            return self.random.choice(others)
        return Group(dylib.create_tracker(f"{self.name} {self._serial}"), dylib)

    def add(self, kind: str, needs: Module | None = None, need: tuple[str, int] = ("", 0)) -> Module:
        """Add an object of a kind."""
        dylib = self.random.choice([one for one in self.world.dylibs if needs is None or self.sees(one, needs)])
        name, value, group = self.new_name(), self.random.randrange(1 << 20), self.group_for(dylib)
        base = needs.value if needs is not None else need[1]
        target = needs.name if needs is not None else need[0]
        data = self.world.pieces.make(kind, name, value, *([target] if target else []))
        self.jit.add_object(data, name, dylib=dylib, tracker=group.tracker)
        module = Module(name, dylib, value + base, group, needs, constructed=kind == "constructed")
        return self.enter(module)

    def sees(self, dylib: uruk.JITDylib, module: Module) -> bool:
        """Whether code of a dylib sees a module."""
        return module.dylib in self.world.reach[dylib]

    def add_leaf(self) -> None:
        """Add an object that needs nothing, perhaps with an initialiser or a thread-local variable."""
        if len(self.mine.modules()) < MOST:
            self.add(self.random.choices(["leaf", "constructed", "thread_local"], [6, 2, 1])[0])

    def add_caller(self) -> None:
        """Add an object that calls one of this thread's, or one that is always there."""
        callable_ = [one for one in self.mine.modules() if one.address is None]
        if len(self.mine.modules()) >= MOST:
            return
        if callable_ and self.random.random() < 0.7:
            self.add("caller", self.random.choice(callable_))
        else:
            self.add("caller", need=self.random.choice(list(self.world.permanent.items())))

    def add_unit(self) -> None:
        """Add a unit: quick or slow, sound or failing once or always; some look other names up."""
        if len(self.mine.modules()) >= MOST:
            return
        name, value, dylib = self.new_name(), self.random.randrange(1 << 20), self.random.choice(self.world.dylibs)
        group = self.group_for(dylib)
        module = Module(name, dylib, value, group, fails=self.random.choices([0, 1, -1], [8, 2, 1])[0])
        delay = self.random.choice([0.0, 0.0, 0.001, 0.02])
        other = self.random.choice(list(self.world.permanent)) if self.random.random() < 0.4 else ""
        tries = [0]

        def make(_: uruk.MaterializationResponsibility) -> bytes:
            tries[0] += 1
            time.sleep(delay)
            if other and self.jit.lookup(other).function(CALL)() != self.world.permanent[other]:
                raise AssertionError(f"{other} is not what it was")
            if module.fails < 0 or tries[0] <= module.fails:
                raise ValueError("this unit fails")
            return self.world.pieces.make("leaf", name, value)

        self.jit.add_unit(uruk.FunctionUnit({name: FUNCTION}, make, name), dylib=dylib, tracker=group.tracker)
        self.enter(module)

    def add_others(self) -> None:
        """An absolute definition, or an alias of one of this thread's names."""
        if len(self.mine.modules()) >= MOST:
            return
        dylib, name = self.random.choice(self.world.dylibs), self.new_name()
        group = self.group_for(dylib)
        if self.random.random() < 0.5 or not self.mine.modules():
            address = self.random.randrange(1, 1 << 46)
            dylib.define(name, address, tracker=group.tracker)
            self.enter(Module(name, dylib, 0, group, address=address, linked=True))
            return
        target = self.random.choice(self.mine.modules())
        dylib.alias({name: target.name}, target.dylib, tracker=group.tracker)
        self.enter(Module(name, dylib, target.value, group, target, target.address, links=False))

    # -- looking up

    def expect(self, module: Module, find: Callable[[], dict[str, uruk.Symbol]]) -> None:
        """Look a module up, and check what is found."""
        always, perhaps = module.fails_always, module.may_fail
        try:
            found = find()[module.name]
        except uruk.MaterializationError:
            if not perhaps:
                raise
            for one in module.chain():
                one.fails = max(one.fails - 1, 0) if one.fails > 0 else one.fails
            return
        if always:
            raise AssertionError(f"{module.name} was found, and its unit fails always")
        self.check(module, found.address)

    def check(self, module: Module, address: int) -> None:
        """A name that was found: it stays where it is, and gives its value."""
        for one in module.chain():
            one.linked = True
        if module.address is not None:
            assert address == module.address, f"{module.name} is at {address:#x}, not {module.address:#x}"
            return
        got = uruk.Symbol(module.name, address).function(CALL)()
        assert got == module.value, f"{module.name} gives {got}, not {module.value}"

    def look_up(self) -> None:
        """One name of this thread's."""
        if self.mine.modules():
            module = self.random.choice(self.mine.modules())
            self.expect(module, lambda: {module.name: self.jit.lookup(module.name, module.dylib)})

    def look_up_many(self) -> None:
        """All names of one dylib that cannot fail, at once."""
        dylib = self.random.choice(self.world.dylibs)
        chosen = [one for one in self.mine.modules() if one.dylib is dylib and not one.may_fail]
        names = [one.name for one in chosen] + list(self.world.permanent)[:3]
        found = self.jit.lookup_all(names, dylib)
        for module in chosen:
            self.check(module, found[module.name].address)

    def look_up_later(self) -> None:
        """In the background, or with a time that may be too short."""
        if not self.mine.modules():
            return
        module = self.random.choice(self.mine.modules())
        if self.random.random() < 0.5:
            future = self.jit.lookup_future([module.name], module.dylib)
            self.expect(module, lambda: future.result(60))
            return
        try:
            timeout = self.random.choice([0.0, 0.002, 10.0])
            self.expect(module, lambda: self.jit.lookup_all([module.name], module.dylib, timeout=timeout))
        except uruk.LookupTimeout:  # it may be linked, and wait for initialisers: make sure
            self.expect(module, lambda: {module.name: self.jit.lookup(module.name, module.dylib)})

    def look_up_nothing(self) -> None:
        """A name that nobody ever defines."""
        try:
            self.jit.lookup(name_of(98, self.random.randrange(1000)), self.random.choice(self.world.dylibs))
        except uruk.UndefinedSymbols:
            return
        raise AssertionError("a name was found that nobody defines")

    # -- removing

    def remove(self) -> None:
        """One group; refused exactly if linked code of another one refers to it."""
        if not self.mine.groups:
            return
        group = self.random.choice(self.mine.groups)
        holders = self.mine.holders(group)
        try:
            group.tracker.remove()
        except uruk.InUse:
            assert holders, f"{group.tracker.name} is in use, and nothing uses it"
            return
        assert not holders, f"{group.tracker.name} was removed from under {holders[0].name}"
        self.forget(group)

    def remove_anyway(self) -> None:
        """One group, whoever uses it; and the users."""
        if self.mine.groups:
            group = self.random.choice(self.mine.groups)
            group.tracker.remove(force=True)
            self.forget(group)

    def forget(self, group: Group) -> None:
        """A group is gone: its names are, and those that need it cannot be had any more."""
        users = self.mine.users(group)
        self.mine.forget(group)
        for module in group.modules:
            self.expect_nothing(module)
        for module in users:
            if module.lacks(group):
                self.expect_nothing(module)
        for other in dict.fromkeys(module.group for module in users):
            if other in self.mine.groups:
                other.tracker.remove(force=True)
                self.forget(other)

    def expect_nothing(self, module: Module) -> None:
        """A name that is not there any more."""
        try:
            self.jit.lookup(module.name, module.dylib)
        except (uruk.UndefinedSymbols, uruk.MaterializationError):
            return
        raise AssertionError(f"{module.name} was found after its removal")

    def transfer(self) -> None:
        """Hand what one tracker owns to another one of the same dylib."""
        if len(self.mine.groups) < 2:
            return
        source, target = self.random.sample(self.mine.groups, 2)
        if source.dylib is not target.dylib:
            return
        source.tracker.transfer_to(target.tracker)
        for module in source.modules:
            module.group = target
        target.modules += source.modules
        self.mine.groups.remove(source)

    def remove_all(self) -> None:
        """The end: newest first, so that nothing is in use."""
        while self.mine.groups:
            free = [group for group in self.mine.groups if not self.mine.users(group)]
            group = self.random.choice(free) if free else self.mine.groups[-1]
            group.tracker.remove(force=not free)
            self.mine.forget(group)


__all__ = ["CALL", "SymbolFlags", "Worker"]
