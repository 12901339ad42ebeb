"""The executor that is another process: a child, or one that is reached over a socket."""

from __future__ import annotations

import atexit
import threading
import warnings
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from uruk.errors import ExecutorLost
from uruk.executor import sps
from uruk.executor.callbacks import Callback, Callbacks
from uruk.executor.connection import END_TIMEOUT, Connection
from uruk.executor.control import Runtime
from uruk.executor.interface import Libraries
from uruk.executor.remote_process import RemoteProcess
from uruk.graph.types import AnyArray
from uruk.memory.manager import SlabManager
from uruk.records import Unique

if TYPE_CHECKING:
    from uruk.executor.launch import Child
    from uruk.executor.prototypes import Prototype

RUN_PROGRAM = "uruk_executor_run_program"
"""A service of uruk's own executor: a program gets the process for itself, without a thread that listens."""


class RemoteExecutor(Unique):
    """Another process as the place where linked code runs; see `uruk.spawn` and `uruk.connect`.

    `child` is the process, if this one has started it. It belongs to one session, which closes it.
    """

    def __init__(
        self,
        process: RemoteProcess,
        runtime: Runtime,
        memory: SlabManager,
        libraries: Libraries,
        child: Child | None = None,
    ) -> None:
        self.process = process
        self.connection = process.connection
        self.runtime = runtime
        self.memory = memory
        self.libraries = libraries
        self.child = child
        self.callbacks = Callbacks(runtime, memory, process.raising)
        self.serve(runtime.address[b"uruk_rt_callback_tag"], self.callbacks.answer)
        self._closing = threading.RLock()  # reentrant: a destructor may close it in the middle
        self._forget: list[Callable[[], object]] = [memory.forget]
        self.used = False
        """True if a session has it."""
        self.closed = False
        # An executor that is dropped leaves no process behind.
        self._forgotten = weakref.finalize(self, _end_dropped, self.connection, child and child.pid)
        # At the end of the interpreter `_close_all` does it, for all executors in the time of one.
        self._forgotten.atexit = False
        _open.add(self)

    @property
    def lost(self) -> ExecutorLost | None:
        """See `Executor.lost`."""
        return self.connection.lost

    def check_calls(self) -> None:
        """See `Executor.check_calls`."""
        self.connection.check_calls()

    def serve(self, tag: int, handler: Callable[[bytes], bytes]) -> None:
        """Answer requests that code there makes under a tag, an address of the runtime's, by `handler`.

        It is kept until the connection goes, and must not keep this executor.
        """
        self.connection.handlers[tag] = handler

    def forget_by(self, forget: Callable[[], object]) -> None:
        """Have `forget` release memory here that stands for memory there, whenever the executor is closed."""
        self._forget.append(forget)

    # -- memory and calls

    @property
    def shares_memory(self) -> bool:
        """True if code and data of linked objects are mapped here, too. It is known once there are some."""
        return bool(getattr(self.memory.mapper, "shares_memory", False))

    @property
    def shared_memory_refused(self) -> str:
        """Why memory goes by messages though it was to be shared; empty where it does not."""
        return str(getattr(self.memory.mapper, "refused", ""))

    def call(self, address: int, *arguments: int) -> int:
        """Call a function of 64-bit integer arguments that returns an int."""
        # The upper half of the register is undefined for an int (psABI, "Parameter Passing").
        value = self.process.call(address, *arguments) & 0xFFFFFFFF
        return value - (1 << 32) if value >> 31 else value

    def function(self, text: str, address: int) -> Callable[..., Any]:
        """Return a callable of C type `text` (``"int(int, double)"``) for a function there.

        See `uruk.Symbol.function`, of which this is the part for other processes. Raises UrukError for types that
        cannot be passed between processes.
        """
        from uruk.executor.prototypes import Prototype  # reads types by cffi, which programs do without

        return self.function_of(Prototype(text), address)

    def function_of(
        self,
        prototype: Prototype,
        address: int,
        *,
        callbacks: str = "session",
        name: str = "",
        owner: Callable[[], int] = int,
    ) -> Callable[..., Any]:
        """Return a callable of a prototype for a function there, for errors by its name; see `uruk.Symbol.function`.

        `owner` returns whose the callbacks are that its calls make, 0 for the session.
        """
        from uruk.executor.callbacks import Keeper
        from uruk.executor.calls_there import function_there

        return function_there(self, prototype, address, Keeper(lambda: self.callbacks, owner), callbacks, name)

    def callback(self, text: str, function: Callable[..., Any]) -> Callback:
        """Return a Python function as one of C type `text` that code there can call; kept alive by this until
        released."""
        return self.callbacks.make(text, function)

    def array(self, address: int, shape: int | tuple[int, ...], dtype: Any = np.uint8) -> AnyArray:
        """Return the memory there as an array: the memory itself where it is shared, else a copy that is read-only.

        Shared is what lies in slabs, with a mapper that shares memory: code and data of linked objects.
        """
        from uruk.executor.data import DataThere  # programs look at no memory

        return DataThere(self).array(address, shape, dtype)

    # -- programs, and the end

    def run_program(self, entry: int, argc: int, argv: int, runs: bytes = b"uruk_rt_run_program") -> None:
        """Have a program run: main at `entry`, then exit. Returns when it has begun, or, with LLVM's executor, ended.

        `runs` is the function of the runtime that does so. What follows is the end of the process; `child.wait()` has
        its status.
        """
        self.connection.runs_program = True
        function = self.runtime.address[runs]
        wrapper = self.connection.setup.symbols.get(RUN_PROGRAM)
        with suppress(ExecutorLost):  # it may end before it answers
            if wrapper is not None:
                self.connection.call(wrapper, sps.u64(function, entry, argc, argv))
            else:
                self.process.call(function, entry, argc, argv)

    def end_within(self, seconds: float) -> None:
        """See `Executor.end_within`: then the process is ended by force."""
        self.connection.end_within(seconds)

    def __enter__(self) -> RemoteExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self.child is not None:
            where = f"process {self.child.pid}"
        else:
            where = "a process that was connected to"
        state = ", closed" if self.closed else ", lost" if self.lost is not None else ""
        return f"<RemoteExecutor: {where}, {self.process.triple}{state}>"

    def close(self) -> None:
        """Let the executor end, by force in the end: its memory goes with it. Closing twice does nothing."""
        self.closed = True
        self.connection.close()
        # Two threads may close at once, and memory is released once.
        with self._closing:
            for forget in self._forget:
                forget()
        self._forgotten.detach()  # which keeps the connection, and so all that is to be said of its end


def _end_dropped(connection: Connection, pid: int | None) -> None:
    """End an executor that was dropped without being closed."""
    if pid is not None and connection.lost is None:
        text = f"process {pid}, an executor, was not closed: use `with', or close its session; it is ended now"
        warnings.warn(text, ResourceWarning, stacklevel=2)
    connection.close()


_open: weakref.WeakSet[RemoteExecutor] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End executors that no session has; sessions end their own."""
    unused = [executor for executor in _open if not executor.used]
    for executor in unused:
        executor.end_within(END_TIMEOUT)
    for executor in unused:
        executor.close()
