"""The uruk runtime in a new executor: linked here, brought there by LLVM's services, then in charge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from uruk.errors import ExecutorError, InternalError, UnknownTarget
from uruk.executor.bootstrap import BootstrapMemory
from uruk.executor.connection import Connection
from uruk.executor.control import Runtime
from uruk.executor.llvm_services import Services
from uruk.executor.remote_process import RemoteProcess
from uruk.graph.types import I64, Bool
from uruk.isa.interface import architecture_of
from uruk.link import Linked
from uruk.orc.search import ArchiveEntry
from uruk.orc.session import Session
from uruk.orc.tracker import ResourceTracker
from uruk.platforms.linux.runtime_here import RuntimePlatform, columns, function_names, open_runtime


class _Host:
    """The executor as the link of the runtime needs it."""

    def __init__(self, services: Services) -> None:
        self.process = services.connection.setup
        self.memory: Any = BootstrapMemory(services)
        self.tls: Any = None
        self.is_remote = True
        self._services = services
        self._everything = services.open_library("")

    def find(self, names: Sequence[bytes]) -> list[int]:
        return self._services.find_symbols(self._everything, names)

    def read_object(self, address: int) -> bytes:
        raise InternalError("the runtime refers to data of a library")

    def is_constant(self, address: int, size: int) -> bool:
        raise InternalError("the runtime refers to data of a library")

    def call_resolvers(self, addresses: Sequence[int]) -> list[int]:
        raise InternalError("the runtime has IFUNCs")


class _Platform(RuntimePlatform):
    """Names of the executor's process, nothing run."""

    def __init__(self, host: _Host) -> None:
        self._host = host
        self.frames: list[tuple[int, int]] = []

    def find(self, names: Sequence[bytes]) -> tuple[I64, Bool]:
        return columns(self._host.find(names))

    def loaded(self, linked: Linked, trackers: Sequence[ResourceTracker]) -> None:
        self.frames = [
            (int(linked.state.address[block]), int(linked.state.blocks.size[block]))
            for block in linked.state.synthetic["eh_frame"].tolist()
            if block >= 0
        ]


def architecture_of_executor(connection: Connection) -> str:
    """The architecture of the runtime for an executor. Raises ExecutorError for one that uruk has none for."""
    triple = connection.setup.triple
    if "linux" not in triple:
        raise ExecutorError(f"uruk has no runtime for an executor of {triple}")
    try:
        return architecture_of(triple).name
    except UnknownTarget as error:
        raise ExecutorError(f"code for {triple} cannot be run: {error}") from error


def link_runtime(connection: Connection) -> Runtime:
    """Link the runtime into an executor. Raises ExecutorError, LinkError."""
    services = Services(connection)
    archive = open_runtime(architecture_of_executor(connection))
    host = _Host(services)
    platform = _Platform(host)
    session = Session(host, platform)  # pyright: ignore[reportArgumentType]
    dylib = session.create_dylib("runtime")
    dylib.search.builtins = ArchiveEntry(archive, dylib.create_tracker("uruk runtime"), 0, set())
    names = function_names(archive)
    found = session.lookup(dylib, names, roots=False)
    host.memory.finish()
    for address, size in platform.frames:
        services.register_frames(address, size)
    addresses = {name: address for name, (address, _) in zip(names, found, strict=True)}
    process = RemoteProcess(connection, addresses[b"uruk_rt_call_wrapper"], addresses[b"uruk_rt_read_wrapper"])
    runtime = Runtime(process, addresses)
    symbol = services.address
    runtime.call(
        b"uruk_rt_connect",
        symbol("__llvm_orc_SimpleRemoteEPC_dispatch_fn"),
        symbol("__llvm_orc_SimpleRemoteEPC_dispatch_ctx"),
    )
    return runtime
