"""What uruk's own code in a process depends on there: lazy stubs, trampolines of callbacks, registers of arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from uruk.graph.types import U8, U64
from uruk.isa import aarch64_callback, aarch64_lazy, x86_64_callback, x86_64_lazy
from uruk.isa.names import HERE_NAME, name_of


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
X86_64 = Architecture("x86_64", 6, x86_64_lazy.FIRST_CALL, x86_64_lazy.stub_page, x86_64_callback.trampolines)
AARCH64 = Architecture("aarch64", 8, aarch64_lazy.FIRST_CALL, aarch64_lazy.stub_page, aarch64_callback.trampolines)
ARCHITECTURES = {one.name: one for one in (X86_64, AARCH64)}


def architecture_of(triple: str) -> Architecture:
    """The architecture of a target triple, or of a target. Raises ExecutorError for one that uruk does not know."""
    return ARCHITECTURES[name_of(triple)]


HERE = ARCHITECTURES[HERE_NAME]
"""That of this process."""
