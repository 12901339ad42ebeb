"""A place for code that is linked and never run, of whatever architecture: memory here, and no storage of threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.errors import InternalError
from uruk.records import record

if TYPE_CHECKING:
    from uruk.memory.interface import Memory
    from uruk.passes.tls.interface import Storage, StorageInPlace


@record
class NoStorage:
    """Thread-local storage that no thread has, at the start of where AArch64 would have it."""

    module_id: int = 1
    tp_offset: int | None = 16

    def make_static(self, module: str) -> int:
        """See `Storage.make_static`."""
        return 16

    def close(self) -> int:
        """See `Storage.close`."""
        return 0


class NoTLS:
    """See `uruk.passes.tls.interface.TLSLoader`."""

    def load(
        self, image: bytes, size: int, align: int, static: bool | None, descriptors: bool, module: str
    ) -> NoStorage:
        """See `TLSLoader.load`."""
        # AArch64's thread pointer points at two words before the storage (ELF for AArch64, "Thread Local Storage").
        return NoStorage(tp_offset=None if static is False else 16)

    def load_in_place(self, place: StorageInPlace, module: str) -> NoStorage:
        """See `TLSLoader.load_in_place`."""
        return NoStorage()

    def place_at(self, address: int) -> None:
        """See `TLSLoader.place_at`."""

    def descriptor(self, storage: Storage | None, offset: int) -> tuple[int, int]:
        """See `TLSLoader.descriptor`."""
        return 0, offset & ((1 << 64) - 1)

    def bind(self, name: bytes, library: str, operand: int) -> tuple[int, ...]:
        """See `TLSLoader.bind`."""
        return 0, 0

    def offset_of(self, name: bytes, library: str) -> int | None:
        """See `TLSLoader.offset_of`."""
        return None


class UnrunTLS(NoTLS):
    """The same for code of this process's kind: variables of libraries could be reached by every access model."""

    def is_static(self, name: bytes, library: str) -> bool:
        """See `ProcessTLS.is_static`."""
        return True


class LinkOnly:
    """A host of links (`uruk.link.Host`) whose code is not run; only its memory is given."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.tls = NoTLS()

    def read_object(self, address: int) -> bytes:
        """See `Host.read_object`: this process's variables are none of the code's."""
        return b""

    def is_constant(self, address: int, size: int) -> bool:
        """See `Host.is_constant`."""
        return False

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """See `Host.call_resolvers`."""
        raise InternalError("code that is only linked has resolvers to run")
