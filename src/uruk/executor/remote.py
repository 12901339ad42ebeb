"""The executor that is another process: a child, or one that is reached over a socket."""

from __future__ import annotations

import atexit
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from uruk.errors import ExecutorError, ExecutorLost, InternalError
from uruk.executor import answers, sps
from uruk.executor.callbacks import Callback, Callbacks
from uruk.executor.carriers import Carriers
from uruk.executor.connection import ENDING, Connection
from uruk.executor.control import Runtime
from uruk.executor.lazy_stubs import LazyFunctions, LazyStubs, answer
from uruk.executor.library_symbols import FoundSymbols, find_symbols
from uruk.executor.process_tls import ProcessTLS
from uruk.executor.prototypes import Prototype, is_float
from uruk.executor.remote_loader import RemoteLoader
from uruk.executor.remote_process import RemoteProcess
from uruk.executor.stub_pool import StubPool
from uruk.formats.elf.carrier import MACHINES
from uruk.graph.types import AnyArray
from uruk.isa.interface import architecture_of
from uruk.memory.manager import DEFAULT_SLAB, SlabManager
from uruk.memory.mapper import Mapper

if TYPE_CHECKING:
    from uruk.executor.launch import Child

LARGEST_OBJECT = 1 << 28
"""Bytes of a library's variable that are read, to be copied."""
RUN_PROGRAM = "uruk_executor_run_program"
"""A service of uruk's own executor: a program gets the process for itself, without a thread that listens."""


class RemoteExecutor:
    """Another process as the place where linked code runs; see `uruk.spawn` and `uruk.connect`.

    `child` is the process, if this one has started it. It belongs to one session, which closes it.
    """

    is_remote = True

    def __init__(
        self,
        connection: Connection,
        runtime: Runtime,
        mapper: Mapper,
        child: Child | None = None,
        slab_size: int = DEFAULT_SLAB,
    ) -> None:
        self.connection = connection
        self.runtime = runtime
        assert isinstance(runtime.process, RemoteProcess)
        self.process: RemoteProcess = runtime.process
        self.child = child
        self.memory = SlabManager(mapper, slab_size)
        self.loader = RemoteLoader(runtime)
        self.tls = ProcessTLS(Carriers(self.loader, MACHINES[architecture_of(self.process.triple).name]))
        self.callbacks = Callbacks(runtime, self.memory)
        connection.handlers[runtime.address[b"uruk_rt_callback_tag"]] = self.callbacks.answer
        answer_lazy = weakref.WeakMethod(self._answer_lazy)  # the line does not keep an executor that nobody has
        connection.handlers[runtime.address[b"uruk_rt_lazy_tag"]] = lambda payload: (
            method(payload) if (method := answer_lazy()) else b""
        )
        self._stubs: StubPool | None = None
        self.lazy_functions: Callable[[], LazyFunctions] | None = None
        self._closing = threading.Lock()
        self.used = False
        """Whether a session has it."""
        self.closed = False
        self._forgotten = weakref.finalize(self, connection.close)  # that may not leave its process behind
        self._forgotten.atexit = False
        _open.add(self)

    @property
    def lost(self) -> ExecutorLost | None:
        """See `Executor.lost`."""
        return self.connection.lost

    # -- memory and calls

    @property
    def shares_memory(self) -> bool:
        """Whether code and data of linked objects are mapped here, too. It is known once there are some."""
        return bool(getattr(self.memory.mapper, "shares_memory", False))

    @property
    def shared_memory_refused(self) -> str:
        """Why memory goes by messages though it was to be shared; empty where it does not."""
        return str(getattr(self.memory.mapper, "refused", ""))

    def read_object(self, address: int) -> bytes:
        """See `Executor.read_object`."""
        size = answers.size(self.loader.size_of(address), f"the object at {address:#x}", LARGEST_OBJECT)
        return self.process.read(address, size) if size else b""

    def is_constant(self, address: int, size: int) -> bool:
        """See `Executor.is_constant`."""
        return bool(self.runtime.call(b"uruk_rt_is_constant", address, size))

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        """See `Executor.call_resolvers`."""
        words = bytearray(sps.u64(*addresses))
        self.runtime.call(b"uruk_rt_call_resolvers", words, len(addresses))
        return [int.from_bytes(words[at : at + 8], "little") for at in range(0, len(words), 8)]

    def call(self, address: int, *arguments: int) -> int:
        """See `Executor.call`."""
        value = self.process.call(address, *arguments) & 0xFFFFFFFF
        return value - (1 << 32) if value >> 31 else value

    def function(self, text: str, address: int) -> Callable[..., Any]:
        """A callable of C type `text` (``"int(int, double)"``) for a function there.

        Pointers are addresses; bytes and bytearrays are lent to the call, and what was written to a bytearray is in it
        afterwards. Raises UrukError for types that cannot be passed between processes.
        """
        prototype = Prototype(text)

        def call(*values: Any) -> Any:  # it keeps the executor
            integers, vectors, stack = prototype.encode(values, self.process.convention)
            first, _, vector, _, _ = self.process.invoke(address, integers, vectors, stack)
            return prototype.value(prototype.result, vector if is_float(prototype.result) else first)

        return call

    def callback(self, text: str, function: Callable[..., Any]) -> Callback:
        """A Python function as one of C type `text` that code there can call; kept alive by this until released."""
        return self.callbacks.make(text, function)

    def array(self, address: int, shape: int | tuple[int, ...], dtype: Any = np.uint8) -> AnyArray:
        """Memory there as an array: the memory itself where it is shared, a copy otherwise.

        Shared is what lies in slabs, with a mapper that shares memory: code and data of linked objects.
        """
        kind = np.dtype(dtype)
        count = int(np.prod(shape))
        size = count * kind.itemsize
        for slab in self.memory.slabs:
            if self.shares_memory and slab.base <= address and address + size <= slab.base + slab.size:
                start = address - slab.base
                return slab.image[start : start + size].view(kind).reshape(shape)
        return np.frombuffer(self.process.read(address, size), kind).reshape(shape).copy()

    # -- libraries

    def load_library(self, path: str, *, everywhere: bool = False) -> int:
        """See `Executor.load_library`."""
        with self.memory.library_window():
            return self.loader.load_library(path, everywhere=everywhere)

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        """See `Executor.find_symbol`."""
        found = find_symbols(self.runtime, [handle], [name])
        return int(found.address[0]) & (1 << 64) - 1, bool(found.is_data[0])

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        """See `Executor.find_symbols`: one message for all."""
        return find_symbols(self.runtime, handles, names)

    def find_tls(self, name: bytes, handles: Sequence[int]) -> str:
        """See `Executor.find_tls`."""
        return self.loader.find_tls(name, handles)

    # -- unwinding

    def register_frames(self, address: int) -> None:
        """See `Executor.register_frames`."""
        if self.runtime.call(b"uruk_rt_register_frames", sps.u64(address), 1):
            raise ExecutorError("the executor has no libgcc_s.so.1, by which linked code throws exceptions")

    def deregister_frames(self, address: int) -> None:
        """See `Executor.deregister_frames`."""
        self.runtime.call(b"uruk_rt_deregister_frames", sps.u64(address), 1)

    # -- lazy functions

    def _answer_lazy(self, payload: bytes) -> bytes:
        """Serve a request for the function of a lazy stub, which must be this executor's."""
        return answer(payload, self._stubs)

    def lazy_stubs(
        self,
        resolve: Callable[[int], int],
        on_error: Callable[[int, BaseException], object],
        lock: threading.RLock | None = None,
    ) -> LazyStubs:
        """See `Executor.lazy_stubs`."""
        if self.lazy_functions is None:
            raise InternalError("lazy stubs are wanted, but no platform has given their functions")
        if self._stubs is None:
            self._stubs = StubPool(self.memory.mapper, architecture_of(self.process.triple))
        return LazyStubs(
            self.lazy_functions(),
            resolve,
            on_error,
            lock=lock,
            near=lambda: self.memory.near,
            pool=self._stubs,
            read=lambda address: int.from_bytes(self.process.read(address, 8), "little"),
        )

    # -- programs, and the end

    def run_program(self, entry: int, argc: int, argv: int) -> None:
        """Have a program run: main at `entry`, then exit. Returns when it has begun, or, with LLVM's executor, ended.

        What follows is the end of the process; `child.wait()` has its status.
        """
        function = self.runtime.address[b"uruk_rt_run_program"]
        wrapper = self.connection.setup.symbols.get(RUN_PROGRAM)
        with suppress(ExecutorLost):  # it may end before it answers
            if wrapper is not None:
                self.connection.call(wrapper, sps.u64(function, entry, argc, argv))
            else:
                self.process.call(function, entry, argc, argv)

    def end_within(self, seconds: float) -> None:
        """See `Executor.end_within`: then the process is ended by force."""
        self.connection.end_within(seconds)

    def close(self) -> None:
        """Let the executor end, by force in the end: its memory goes with it. Closing twice does nothing."""
        self.closed = True
        self.connection.close()
        with self._closing:
            self.memory.forget()
        self._forgotten.detach()  # which keeps the connection, and so all that is to be told of its end


_open: weakref.WeakSet[RemoteExecutor] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End executors that no session has; sessions end their own."""
    unused = [one for one in _open if not one.used]
    for one in unused:
        one.end_within(ENDING)
    for one in unused:
        one.close()
