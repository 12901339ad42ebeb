"""Lazy names of a JIT, straight on `LazyStubs`: a call of NAME goes to real_NAME, which its first call links."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import uruk
from uruk.executor.lazy_stubs import LazyStubs
from uruk.executor.stub_pool import DISTANCE

IN_FLIGHT = 4 * 8 + 3 * 8
"""Where in a block's data `own.in_flight` is, the count of calls under way: struct block in runtime/common/lazy.c."""


class LazyNames:
    """Stubs for names; `asked` and `errors` say what the runtime wanted to know, and what became of it."""

    def __init__(self, jit: uruk.LLJIT, names: Sequence[str], resolve: Callable[[int], int] | None = None) -> None:
        self.jit = jit
        self.names = list(names)
        self.asked: list[str] = []
        self.errors: list[tuple[str, BaseException]] = []
        self.found = resolve or self.look_up
        self.stubs: LazyStubs = jit.platform.process.lazy_stubs(self.resolve, self.failed, jit.session.lock)
        self.addresses: list[int] = self.stubs.take(len(names)).tolist()
        for name, address in zip(names, self.addresses, strict=True):
            jit.define(name, address)

    def resolve(self, stub: int) -> int:
        """What the runtime calls."""
        self.asked.append(self.names[stub])
        return self.found(stub)

    def look_up(self, stub: int) -> int:
        """The address of the real function."""
        return self.jit.lookup(f"real_{self.names[stub]}").address

    def failed(self, stub: int, error: BaseException) -> None:
        """What the stubs' owner calls."""
        self.errors.append((self.names[stub], error))

    def under_way(self) -> int:
        """How many first calls are in the runtime now."""
        return ctypes.c_uint32.from_address(self.addresses[0] + DISTANCE + IN_FLIGHT).value
