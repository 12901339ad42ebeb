"""Actions on what threads share, on whole dylibs, on the process; see `worker`."""

from __future__ import annotations

import itertools
import os
import signal
import time
import warnings
from collections.abc import Callable

from pieces import name_of
from shared import Answer, Shared
from worker import CALL, Worker
from world import FUNCTION, GENERATED, PERMANENT

import uruk

CHILD_LIMIT = 20
"""Seconds that a forked child may take."""


class FullWorker(Worker):
    """A worker that does everything."""

    def actions(self) -> list[tuple[Callable[[], None], int]]:
        """See `Worker.actions`."""
        return [
            *super().actions(),
            (self.change_shared, 6), (self.find_shared, 10), (self.call_shared, 3),
            (self.generate, 3), (self.own_dylib, 2), (self.look_around, 2), (self.fork, 0.1),
        ]  # fmt: skip

    # -- names that several threads change

    def change_shared(self) -> None:
        """Define a shared name, or take its definition away, if nobody else is about to."""
        shared = self.random.choice(self.world.changing)
        if not shared.changing.acquire(blocking=False):
            return
        try:
            begin = time.monotonic()
            if shared.tracker is None:
                self._define_shared(shared, begin)
                return
            try:
                shared.tracker.remove()
            except uruk.InUse:
                return  # some thread's caller: nothing changed
            shared.tracker = None
            shared.changed(None, None, begin)
        finally:
            shared.changing.release()

    def _define_shared(self, shared: Shared, begin: float) -> None:
        value, dylib, name = self.random.randrange(1 << 20), shared.dylib, shared.name
        tracker = shared.tracker = dylib.create_tracker(f"{name} {value}")
        kind = self.random.choice(["object", "object", "unit", "define", "alias"])
        data = self.world.pieces.make("leaf", name, value)
        if kind == "object":
            self.jit.add_object(data, name, dylib=dylib, tracker=tracker)
        elif kind == "unit":
            self.jit.add_unit(uruk.FunctionUnit({name: FUNCTION}, lambda _: data, name), dylib=dylib, tracker=tracker)
        else:
            other = self.random.choice(list(self.world.permanent))
            value = self.world.permanent[other]
            if kind == "define":
                dylib.define(name, self.jit.lookup(other).address, function=True, tracker=tracker)
            else:
                dylib.alias({name: other}, self.jit.main, tracker=tracker)
        shared.changed(value, self.jit.lookup(name, dylib).address, begin)

    def find_shared(self) -> None:
        """Where shared names are now; whether that was right is seen at the end."""
        dylib = self.random.choice(self.world.dylibs)
        chosen = [one for one in self.world.changing if one.dylib is dylib]
        begin = time.monotonic()
        found = self.jit.lookup_all([], dylib, weak=[one.name for one in chosen])
        end = time.monotonic()
        for one in chosen:
            symbol = found.get(one.name)
            one.answers.append(Answer(begin, end, symbol.address if symbol else None))

    def call_shared(self) -> None:
        """Link a caller of a shared name: it gives the value of the version that it was linked to, which stays."""
        shared = self.random.choice(self.world.changing)
        name, added = self.new_name(), self.random.randrange(1 << 20)
        data = self.world.pieces.make("caller", name, added, shared.name)
        begin = time.monotonic()
        tracker = self.jit.add_object(data, name, dylib=shared.dylib)
        try:
            caller = self.jit.lookup(name, shared.dylib)
        except uruk.UndefinedSymbols:
            shared.answers.append(Answer(begin, time.monotonic()))
        else:
            end = time.monotonic()
            time.sleep(self.random.choice([0.0, 0.002]))
            shared.answers.append(Answer(begin, end, value=caller.function(CALL)() - added))
        tracker.remove()

    def generate(self) -> None:
        """Names that a generator makes when they are needed, by whichever thread is first."""
        numbers = [self.random.randrange(1, 400) for _ in range(self.random.randrange(1, 5))]
        found = self.jit.lookup_all([name_of(GENERATED, one) for one in numbers], self.world.generating)
        for number in numbers:
            got = found[name_of(GENERATED, number)].function(CALL)()
            assert got == number, f"generated {number} gives {got}"

    # -- dylibs, the process

    def own_dylib(self) -> None:
        """A dylib of this thread's: made, used, initialised, deinitialised, removed."""
        below = self.random.choice(self.world.dylibs)
        dylib = self.jit.create_dylib(f"{self.name} {self._serial}", dict.fromkeys([below, self.jit.main]))
        base, base_value = self.random.choice(list(self.world.permanent.items()))
        names = [self.new_name() for _ in range(3)]
        make = self.world.pieces.make
        self.jit.add_objects(
            [make("caller", names[0], 5, names[1]), make("constructed", names[1], 7)], names[0], dylib=dylib
        )
        self.jit.add_object(make("caller", names[2], 11, base), names[2], dylib=dylib)
        if self.random.random() < 0.5:
            self.jit.initialize(dylib)
        found = self.jit.lookup_all([names[0], names[2]], dylib)
        assert found[names[0]].function(CALL)() == 12, f"{names[0]} is wrong"
        assert found[names[2]].function(CALL)() == base_value + 11, f"{names[2]} is wrong"
        if self.random.random() < 0.5:
            self.jit.deinitialize(dylib)
        dylib.remove(force=self.random.random() < 0.5)
        try:
            self.jit.lookup(names[0], dylib)
        except uruk.UrukError:
            return
        raise AssertionError("a name was found in a removed dylib")

    def look_around(self) -> None:
        """What people and tools read, at any time."""
        text = self.jit.session.dump()
        assert name_of(PERMANENT, 0) in text
        ranges = self.jit.session.memory_map()
        for before, after in itertools.pairwise(ranges):
            assert before.address + before.size <= after.address, f"{before} and {after} overlap"

    def fork(self) -> None:
        """A child of this process finds what was there, links what was not, and says so by its exit status."""
        # An initialiser that another thread has begun counts as done in the child, however far it came.
        modules = [
            module
            for module in self.mine.modules()
            if not module.may_fail and all(one.linked or not one.constructed for one in module.chain())
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12: threads are not in the child
            child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(CHILD_LIMIT)  # `program` has its stacks shown then
                for module in modules:
                    self.check(module, self.jit.lookup(module.name, module.dylib).address)
                status = 0
            except BaseException as error:
                os.write(2, f"in a forked child: {type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code == 0, f"a forked child ended with {code}"
