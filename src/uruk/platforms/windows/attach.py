"""A new Windows process, made ready: how it is started, and the runtime, memory and libraries in it.

Its runtime is part of the executor, which names the functions in its setup (runtime/executor/windows/services.c).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from uruk.errors import ExecutorError
from uruk.executor.connection import Connection
from uruk.executor.control import Runtime
from uruk.executor.launch import Child
from uruk.executor.llvm_services import Services
from uruk.executor.remote import RemoteExecutor
from uruk.executor.remote_process import RemoteProcess
from uruk.memory.epc import EPCMapper
from uruk.memory.fallback import FallbackMapper
from uruk.memory.manager import SlabManager
from uruk.memory.mapper import Mapper
from uruk.memory.shared import SharedMapper
from uruk.platforms.windows.libraries_there import WindowsLibraries
from uruk.target import Target

_RUNTIME = "uruk_rt_"


def launcher() -> list[str]:
    """Return the command that runs programs of Windows here. Raises ExecutorError where there is none."""
    wine = shutil.which("wine")
    if wine is None:
        raise ExecutorError("programs of Windows run under wine, which is not found; install it, or name a launcher")
    return [wine]


def start_words() -> list[str]:
    """Return the words by which the executor finds its line: wine's programs inherit no descriptors."""
    return ["report-crashes", f"controller={os.getpid()}"]


def start_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process, in which wine says nothing of itself unless it was asked to."""
    return {"WINEDEBUG": "-all", **environment}


def path_there(path: bytes) -> bytes:
    """Return the path by which a process under wine opens a file of this system."""
    # wine maps the root of this system's files to the drive Z:.
    return b"Z:" + path.replace(b"/", b"\\")


class RuntimeFunctions(dict[bytes, int]):
    """The addresses of the runtime's functions, as an executor has named them. One that it has not is its fault."""

    def __missing__(self, name: bytes) -> int:
        """Raise ExecutorError."""
        raise ExecutorError(f"the executor has no {name.decode()}: it is not of this version of uruk's")


def attach(connection: Connection, child: Child | None, *, shared_memory: bool, slab_size: int) -> RemoteExecutor:
    """Return the executor behind a connection. Raises ExecutorError."""
    services = Services(connection)
    # Until this call the executor behaves as any controller of LLVM's expects; from then on it is uruk's own.
    connection.call(services.address("uruk_executor_attached"))
    symbols = connection.setup.symbols
    addresses = RuntimeFunctions((name.encode(), at) for name, at in symbols.items() if name.startswith(_RUNTIME))
    call, read = services.address("uruk_rt_call_wrapper"), services.address("uruk_rt_read_wrapper")
    process = RemoteProcess(connection, call, read)
    runtime = Runtime(process, addresses)
    runtime.call(
        b"uruk_rt_connect",
        services.address("__llvm_orc_SimpleRemoteEPC_dispatch_fn"),
        services.address("__llvm_orc_SimpleRemoteEPC_dispatch_ctx"),
    )
    messages = EPCMapper(process, runtime)
    mapper: Mapper = messages
    if shared_memory:
        mapper = FallbackMapper(SharedMapper(process, runtime, path_there=path_there), lambda: messages)
    memory = SlabManager(mapper, slab_size)
    libraries = WindowsLibraries(services, runtime, Target.of_triple(process.triple).architecture)
    return RemoteExecutor(process, runtime, memory, libraries, child)
