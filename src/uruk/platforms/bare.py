"""The smallest platform: code is linked and can be called, and nothing of it is run or registered by itself.

It needs no more of an executor than `uruk.executor.interface` has, and no runtime. So code has no initialisers,
thread-locals, IFUNCs or lazy functions, and nothing can be thrown through it. The runtime itself is linked with one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from uruk.errors import TLSError, UrukError

if TYPE_CHECKING:
    from uruk.executor.interface import Executor
    from uruk.executor.lazy_stubs import LazyStubs
    from uruk.formats.archive import Archive
    from uruk.graph.types import I64, Bool
    from uruk.link import Linked
    from uruk.memory.interface import Memory
    from uruk.orc.registry.tracker import FunctionArray, Released, ResourceTracker
    from uruk.passes.tls.interface import Storage, StorageInPlace, TLSLoader


class NoTLS:
    """See `uruk.passes.tls.interface.TLSLoader`: each request for storage is a TLSError, which says why."""

    def __init__(self, problem: str = "its process gives linked code no thread-local storage") -> None:
        self._problem = problem

    def load(self, image: bytes, size: int, align: int, static: bool | None, descriptors: bool, module: str) -> Storage:
        """See `TLSLoader.load`. Raises TLSError."""
        raise TLSError(module, self._problem)

    def load_in_place(self, place: StorageInPlace, module: str) -> Storage:
        """See `TLSLoader.load_in_place`. Raises TLSError."""
        raise TLSError(module, self._problem)

    def place_at(self, address: int) -> StorageInPlace | None:
        """See `TLSLoader.place_at`."""
        return None

    def descriptor(self, storage: Storage | None, offset: int) -> tuple[int, int]:
        """See `TLSLoader.descriptor`. Raises TLSError."""
        raise TLSError("a weak thread-local", self._problem)

    def bind(self, name: bytes, library: str, operand: int) -> tuple[int, ...]:
        """See `TLSLoader.bind`. Raises TLSError."""
        raise TLSError(library, self._problem)

    def offset_of(self, name: bytes, library: str) -> int | None:
        """See `TLSLoader.offset_of`."""
        return None


class BareHost:
    """A host of links (`uruk.link.Host`) that has memory, and runs nothing while it links."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.tls: TLSLoader = NoTLS()

    def read_object(self, address: int) -> bytes:
        """See `Host.read_object`: no variable's size is known, so none is copied."""
        return b""

    def is_constant(self, address: int, size: int) -> bool:
        """See `Host.is_constant`."""
        return False

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """See `Host.call_resolvers`. Raises UrukError."""
        raise UrukError(f"the code has {len(addresses)} IFUNC resolvers, which only a platform with a runtime calls")


class BarePlatform:
    """See `uruk.orc.platform.Platform`: names of an executor's process, and nothing run."""

    archive: Archive | None = None
    private_names: frozenset[bytes] = frozenset()
    over_libraries: frozenset[bytes] = frozenset()
    over_archives: frozenset[bytes] = frozenset()
    interposed_names: frozenset[bytes] = frozenset()

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self.host = BareHost(executor.memory)

    def interposed(self, name: bytes) -> int:
        """See `Platform.interposed`."""
        return 0

    def absent_import(self, handle: int, library: str, name: bytes) -> int:
        """See `Platform.absent_import`."""
        return 0

    def wants_builtin(self, name: bytes) -> bool:
        """See `Platform.wants_builtin`."""
        return True

    def builtins_with(self, name: bytes) -> Archive | None:
        """See `Platform.builtins_with`."""
        return None

    def find(self, names: Sequence[bytes]) -> tuple[I64, Bool]:
        """See `Platform.find`."""
        return self.executor.libraries.find_symbols([None], names).columns

    def find_tls(self, name: bytes, libraries: Sequence[int]) -> str:
        """See `Platform.find_tls`."""
        return ""

    def library_loaded(self, path: str) -> None:
        """See `Platform.library_loaded`."""

    def loaded(self, linked: Linked, trackers: Sequence[ResourceTracker]) -> None:
        """See `Platform.loaded`: unwind data is not registered."""

    def for_rows(self) -> None:
        """See `Platform.for_rows`."""

    def deregister_frames(self, address: int) -> None:
        """See `Platform.deregister_frames`."""

    def register_names(self, linked: Linked, trackers: Sequence[ResourceTracker], rows: I64) -> None:
        """See `Platform.register_names`."""

    def arrays(
        self, linked: Linked, trackers: Sequence[ResourceTracker], order: Sequence[tuple[int, int]]
    ) -> list[FunctionArray]:
        """See `Platform.arrays`."""
        return []

    def initialize(self, arrays: Sequence[FunctionArray]) -> None:
        """See `Platform.initialize`."""

    def pending(self, tracker: ResourceTracker) -> int:
        """See `Platform.pending`."""
        return 0

    def finalize(self, trackers: Sequence[ResourceTracker]) -> None:
        """See `Platform.finalize`."""

    def keep_finalizers(self, old: ResourceTracker, owner: ResourceTracker) -> None:
        """See `Platform.keep_finalizers`."""

    def await_finalizers(self, tracker: ResourceTracker) -> None:
        """See `Platform.await_finalizers`."""

    def unload(self, tracker: ResourceTracker, released: Released) -> None:
        """See `Platform.unload`."""

    def note_removed(self, start: int, end: int, name: str) -> None:
        """See `Platform.note_removed`."""

    def forget_removed(self, start: int, end: int) -> None:
        """See `Platform.forget_removed`."""

    def lazy_stubs(self, resolve: Callable[[int], int], on_error: Callable[[int, BaseException], object]) -> LazyStubs:
        """See `Platform.lazy_stubs`. Raises UrukError."""
        raise UrukError("lazy functions are made when they are called, which only a platform with a runtime can notice")

    def find_in_threads(self, ranges: Sequence[tuple[int, int]]) -> list[bool] | None:
        """See `Platform.find_in_threads`: without a runtime nothing is looked through."""
        return None

    def close(self) -> None:
        """See `Platform.close`."""
