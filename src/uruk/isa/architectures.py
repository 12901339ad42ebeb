"""What uruk's own code in a process depends on there: lazy stubs, trampolines of callbacks, registers of arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from uruk.errors import UnknownTarget
from uruk.graph.types import U8, U64
from uruk.machines import TARGETS
from uruk.target import HERE as TARGET
from uruk.target import Target


@dataclass(frozen=True)
class Architecture:
    """One architecture that linked code runs on."""

    name: str
    """As the first part of a triple has it."""
    integer_registers: int
    """How many arguments a C function gets in integer registers."""
    first_call: int
    """Where in a lazy stub its first call begins."""
    stub_page: Callable[[int], U8]
    """The page of code of lazy stubs whose data lies so far behind it."""
    trampolines: Callable[[U64, int], U8]
    """Trampolines for callbacks of these numbers that go to an address, of TRAMPOLINE_SIZE bytes each."""


TRAMPOLINE_SIZE = 32
_INTEGER_REGISTERS = {"x86_64": 6, "aarch64": 8}


@lru_cache(maxsize=8)
def architecture_of(triple: str) -> Architecture:
    """The architecture of a target triple, or of a target. Raises UnknownTarget for one that uruk cannot run code for.

    What belongs to it is imported then.
    """
    name = Target.of_triple(triple).architecture
    if name == "aarch64":
        from uruk.isa import aarch64_callback as callback
        from uruk.isa import aarch64_lazy as lazy
    elif name == "x86_64":
        from uruk.isa import x86_64_callback as callback
        from uruk.isa import x86_64_lazy as lazy
    else:  # a machine that files name, but nothing of which is run
        raise UnknownTarget(triple, TARGETS)
    return Architecture(name, _INTEGER_REGISTERS[name], lazy.FIRST_CALL, lazy.stub_page, callback.trampolines)


HERE = architecture_of(TARGET.architecture)
"""That of this process."""
