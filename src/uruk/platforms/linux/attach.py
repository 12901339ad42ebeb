"""A new Linux process, made ready for a session: how it is started, and the runtime, memory and libraries in it."""

from __future__ import annotations

from collections.abc import Mapping

from uruk.executor.connection import Connection
from uruk.executor.launch import Child
from uruk.executor.remote import RemoteExecutor
from uruk.memory.epc import EPCMapper
from uruk.memory.fallback import FallbackMapper
from uruk.memory.linux.local import within_limits
from uruk.memory.manager import LIBRARY_WINDOW, SlabManager
from uruk.memory.mapper import Mapper
from uruk.memory.shared import SharedMapper
from uruk.platforms.linux.libraries_there import LibrariesThere
from uruk.platforms.linux.loader_there import RemoteLoader
from uruk.platforms.linux.runtime_there import start_runtime
from uruk.platforms.linux.slabs_there import RemoteSlabs

STATIC_TLS = 16384
"""Bytes of static thread-local storage that linked code may have in a child (glibc's own default is 512)."""
_TUNABLES = "GLIBC_TUNABLES"
_POOL = "glibc.rtld.optional_static_tls"


def start_variables(environment: Mapping[str, str], tls_pool: int) -> dict[str, str]:
    """Return the environment for a process with so many bytes of static thread-local storage to spare."""
    before = environment.get(_TUNABLES)  # the user's own settings stay
    return {**environment, _TUNABLES: (f"{before}:" if before else "") + f"{_POOL}={tls_pool}"}


def restore_variables(executor: RemoteExecutor, environment: Mapping[str, str]) -> None:
    """Give a started process the variables of `environment` back, which its code and its own children see."""
    before = environment.get(_TUNABLES)
    value = before.encode() + b"\0" if before else 0
    executor.runtime.call(b"uruk_rt_set_variable", _TUNABLES.encode() + b"\0", value)


def attach(connection: Connection, child: Child | None, *, shared_memory: bool, slab_size: int) -> RemoteExecutor:
    """Return the executor behind a connection, with the runtime linked into it.

    Raises ExecutorError, for one of another system, too.
    """
    attached = connection.setup.symbols.get("uruk_executor_attached")
    if attached is not None:
        connection.call(attached)
    # The runtime comes first: everything below is calls of its functions.
    process, runtime = start_runtime(connection)
    hidden = connection.setup.symbols.get("uruk_executor_hidden", 0)
    if hidden:
        runtime.call(b"uruk_rt_hide", hidden)
    slabs = RemoteSlabs(runtime)
    messages = EPCMapper(process, runtime, slabs)
    mapper: Mapper = messages
    if shared_memory:
        # Whether memory can be shared is known only when it is tried.
        mapper = FallbackMapper(SharedMapper(process, runtime, loader=slabs), lambda: messages)
    memory = SlabManager(mapper, within_limits(slab_size), window_size=within_limits(LIBRARY_WINDOW))
    libraries = LibrariesThere(memory, RemoteLoader(runtime, child.tls_pool if child else 0))
    return RemoteExecutor(process, runtime, memory, libraries, child)
