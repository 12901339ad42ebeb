"""The process where linked code runs, as the rest of uruk sees it: its memory, and calls of its functions.

This process is one (`uruk.executor.this_process`), a child or a process on another machine others
(`uruk.executor.remote_process`). What more they can do (open libraries, give thread-local storage, register unwind
data) are functions of the uruk runtime, which is linked into each of them: `Runtime` calls these by name. LLVM calls
the whole ExecutorProcessControl.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from uruk.errors import AllocationError
from uruk.named_tuples import NamedTuple
from uruk.records import record

Argument = int | bytes | bytearray
"""An integer or address; bytes, which the function gets a pointer to while it runs; a bytearray, which it may fill."""


@record
class Block:
    """Memory that is made for one call, of a list: its bytes, and the memory that pointers in it point to.

    `pointers` has their offsets in the bytes.
    """

    data: bytearray
    pointers: tuple[tuple[int, Memory], ...] = ()


Memory: TypeAlias = "int | bytes | bytearray | memoryview | Block"
"""An address, or memory that a call is lent: a memoryview that can be written is one that the function may write to."""


class Answer(NamedTuple):
    """The integer registers (signed) and the lower words of the vector registers after a call, and its errno.

    `wide` are the upper words of the vector registers, or, where a call asked for it, the words of x87's st0.
    """

    integers: tuple[int, int]
    vectors: tuple[int, int, int, int]
    error: int
    wide: tuple[int, ...] = ()


class ProcessControl(Protocol):
    """A process that runs linked code. Methods may be called from any thread; a lost process raises ExecutorLost."""

    @property
    def triple(self) -> str:
        """Its target, as LLVM writes it: ``x86_64-unknown-linux-gnu``."""
        ...

    @property
    def page_size(self) -> int:
        """Its page size, in bytes."""
        ...

    @property
    def is_here(self) -> bool:
        """True if it is this process, so that addresses are pointers of ours."""
        ...

    def call(self, address: int, *arguments: Argument) -> int:
        """Call a C function of integers and pointers; returns its 64-bit result, as a signed number.

        What the function wrote to a bytearray argument is in it afterwards.
        """
        ...

    def read(self, address: int, size: int) -> bytes:
        """Return the bytes at an address, which must be readable.

        What is not mapped ends this process, as reading it in C would; of another one it raises InvalidAddress.
        """
        ...

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Store bytes at an address, which must be writable."""
        ...

    def write_many(self, writes: Sequence[tuple[int, bytes | bytearray | memoryview]]) -> None:
        """Store bytes at several addresses, which must be writable, in one message; in order."""
        ...


@record
class Runtime:
    """The uruk runtime in a process: its functions by name (runtime/*.c), and calls of them."""

    process: ProcessControl
    address: Mapping[bytes, int]

    def call(self, name: bytes, *arguments: Argument) -> int:
        """Call a function of integers and pointers; see `ProcessControl.call`."""
        return self.process.call(self.address[name], *arguments)

    def call_with_array(self, name: bytes, addresses: Sequence[int], *rest: Argument) -> None:
        """Call name(array, count, rest...), which does not keep the array. Raises AllocationError where it fails."""
        array = b"".join(address.to_bytes(8, "little") for address in addresses)
        if self.call(name, array, len(addresses), *rest):
            raise AllocationError(f"{name.decode()} has no memory")
