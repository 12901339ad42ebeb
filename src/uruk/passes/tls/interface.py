"""Thread-local storage as the passes see it: protocols of its loader, and the operands that thread-locals have."""

from __future__ import annotations

from typing import Protocol

from uruk.graph.kinds import Operand
from uruk.named_tuples import NamedTuple

# Local-exec, initial-exec and descriptors.
STATIC = (Operand.TP_OFFSET, Operand.TLS_IE, Operand.TLS_DESC)
"""Operands whose code wants a fixed offset from the thread pointer; a descriptor makes do without where it must."""
# General-dynamic, local-dynamic, and the two words that these models ask `__tls_get_addr` with.
USERS = (*STATIC, Operand.TLS_GD, Operand.TLS_LD, Operand.DTP_OFFSET, Operand.DTP_MODULE)
"""Operands that only thread-locals have."""


class Storage(Protocol):
    """One module's loaded thread-local storage."""

    @property
    def module_id(self) -> int:
        """Its id for `__tls_get_addr`."""
        ...

    @property
    def tp_offset(self) -> int | None:
        """Its offset from the thread pointer in bytes; None while its storage is dynamic."""
        ...

    def make_static(self, module: str) -> int:
        """Return the offset from the thread pointer, for initial-exec code of other modules.

        `module` is what errors name.

        Raises TLSError if the storage is dynamic and must stay so.
        """
        ...

    def close(self) -> int:
        """Unload; returns the bytes of static storage not recovered."""
        ...


class StorageInPlace(NamedTuple):
    """The thread-locals of a module whose loader finds all about them in linked memory, by addresses there.

    A thread's copy has the `stored` bytes of the template, then `zeros` bytes, at a multiple of `align`.
    """

    template: int
    stored: int
    zeros: int
    align: int
    index_variable: int
    """The variable that takes the module's id: 4 bytes, which can be written to."""
    callbacks: int
    """A list of functions to call when threads come and go, which ends in a null pointer; 0 without one."""


class TLSLoader(Protocol):
    """The services of the executor for thread-local storage."""

    def load(self, image: bytes, size: int, align: int, static: bool | None, descriptors: bool, module: str) -> Storage:
        """Return storage for an image; `static` None means static if there is room;

        `descriptors`: some will be asked for.

        Raises TLSError, naming `module`.
        """
        ...

    def load_in_place(self, place: StorageInPlace, module: str) -> Storage:
        """Return storage for what lies in linked memory; threads have it once the platform knows that its code is
        there.

        Raises TLSError, naming `module`.
        """
        ...

    def place_at(self, address: int) -> StorageInPlace | None:
        """The place of the storage whose template an address lies in; None for other addresses."""
        ...

    def descriptor(self, storage: Storage | None, offset: int) -> tuple[int, int]:
        """Return the two words of a descriptor slot; of a weak thread-local that nothing defines, for None."""
        ...

    def bind(self, name: bytes, library: str, operand: int) -> tuple[int, ...]:
        """Return the word(s) of a slot of `operand` for a library's thread-local (a thread-pointer offset, or a
        pair)."""
        ...

    def offset_of(self, name: bytes, library: str) -> int | None:
        """Return the offset from the thread pointer of a library's thread-local that has a descriptor.

        Returns None if the storage is not static.
        """
        ...
