"""A Linux process as the platform and links use it: by calls of its runtime, in this process and in others alike."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from uruk.errors import ExecutorError
from uruk.executor import answers, sps

if TYPE_CHECKING:
    from uruk.executor.control import Runtime
    from uruk.executor.interface import Executor
    from uruk.executor.lazy_stubs import LazyStubs
    from uruk.executor.link_only import UnrunTLS
    from uruk.executor.native_calls import NativeCalls
    from uruk.executor.process_stubs import ProcessStubs
    from uruk.executor.stub_pool import StubPool
    from uruk.memory.interface import Memory
    from uruk.platforms.linux.seen_symbols import Seen
    from uruk.platforms.linux.tls.carriers import Carriers
    from uruk.platforms.linux.tls.descriptors import DescriptorFunctions
    from uruk.platforms.linux.tls.loader import ProcessTLS

LARGEST_OBJECT = 1 << 28
"""Bytes of a library's variable that are read, to be copied."""
_PATH = 4096  # bytes, PATH_MAX


class LinuxProcess(ABC):
    """The process of one session's executor; also the host of its links (`uruk.link.Host`).

    `pool` returns the memory of lazy stubs there. What has to do with thread-locals and lazy stubs is imported when the
    first link, or the first lazy function, asks for it.
    """

    def __init__(self, executor: Executor, pool: Callable[[], StubPool]) -> None:
        self.executor = executor
        self._pool = pool
        self._stubs: ProcessStubs | None = None
        self._tls: ProcessTLS | None = None

    @abstractmethod
    def carriers(self) -> Carriers:
        """Return what has the memory of thread-local storage in it."""

    @property
    def tls(self) -> ProcessTLS | UnrunTLS:
        """See `Host.tls`."""
        if self._tls is None:
            from uruk.platforms.linux.tls.loader import ProcessTLS

            self._tls = ProcessTLS(self.carriers, self._descriptors)
        return self._tls

    def _descriptors(self) -> DescriptorFunctions:
        from uruk.platforms.linux.runtime_functions import descriptor_functions  # little code has descriptors

        return descriptor_functions(self.runtime)

    @property
    @abstractmethod
    def runtime(self) -> Runtime:
        """The uruk runtime in it."""

    @abstractmethod
    def callback(self, text: str, function: Callable[..., int]) -> tuple[int, object]:
        """Return the address of a function of C type `text` that calls a Python function, and what keeps it alive."""

    @abstractmethod
    def guard(self, address: int) -> int:
        """Return an address for linked code that stands for a Python function's, until the interpreter has ended."""

    def native_calls(self) -> NativeCalls | None:
        """Return the maker of function objects that call linked code from C; None where the process is another one."""
        return None

    # -- links

    @property
    def memory(self) -> Memory:
        """See `Host.memory`."""
        return self.executor.memory

    def read_object(self, address: int) -> bytes:
        """See `Host.read_object`."""
        runtime = self.runtime
        size = runtime.call(b"uruk_rt_size_at", address)
        # The size is another process's word, and memory is taken for it here.
        size = answers.size(size, f"the object at {address:#x}", LARGEST_OBJECT)
        return runtime.process.read(address, size) if size else b""

    def is_constant(self, address: int, size: int) -> bool:
        """See `Host.is_constant`."""
        return bool(self.runtime.call(b"uruk_rt_is_constant", address, size))

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """See `Host.call_resolvers`; the runtime knows what arguments IFUNC resolvers get."""
        words = bytearray(sps.u64(*addresses))
        self.runtime.call(b"uruk_rt_call_resolvers", words, len(addresses))
        return [int.from_bytes(words[at : at + 8], "little") for at in range(0, len(words), 8)]

    # -- libraries' thread-locals, unwind data

    def seen_symbols(self) -> Seen | None:
        """Return what names of the process were found to be, where that is known to hold still."""
        return None

    def find_tls(self, name: bytes, handles: Sequence[int]) -> str:
        """See `Platform.find_tls`; a library of `handles` is named by its path, others by their soname."""
        text = bytearray(_PATH)
        places = sps.u64(*handles)
        known = self.runtime.call(b"uruk_rt_find_tls", name + b"\0", places, len(handles), text, len(text))
        return os.fsdecode(bytes(text).partition(b"\0")[0]) if known else ""

    def register_frames(self, address: int) -> None:
        """Register the `.eh_frame` at `address`, which ends in a terminator. Raises ExecutorError without libgcc."""
        # Always in libgcc_s, which throws for linked code: an executable may have a copy of its own with other tables.
        if self.runtime.call(b"uruk_rt_register_frames", sps.u64(address), 1):
            raise ExecutorError("the process has no libgcc_s.so.1, by which linked code throws exceptions")

    def deregister_frames(self, address: int) -> None:
        """Undo a registration; once each, and before its memory goes (libgcc aborts the process a second time)."""
        self.runtime.call(b"uruk_rt_deregister_frames", sps.u64(address), 1)

    # -- lazy functions, and the end

    def lazy_stubs(
        self,
        resolve: Callable[[int], int],
        on_error: Callable[[int, BaseException], object],
        lock: threading.RLock | None = None,
    ) -> LazyStubs:
        """Return lazy stubs close to linked code; see `uruk.executor.lazy_stubs.LazyStubs`. `close` closes them."""
        from uruk.executor.process_stubs import ProcessStubs
        from uruk.platforms.linux.runtime_functions import lazy_functions

        if self._stubs is None:
            self._stubs = ProcessStubs(self.executor, self._pool())
        return self._stubs.make(lazy_functions(self.runtime), resolve, on_error, lock)

    def close(self) -> None:
        """Give back what lies outside the executor's memory: the session is closed, and the process goes on."""
        # Stubs first: from then on no thread comes in by a lazy function.
        if self._stubs is not None:
            self._stubs.close()
        if self._tls is not None:
            self._tls.close()
