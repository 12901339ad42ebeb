"""The uruk runtime in a new executor: linked here, brought there by LLVM's services, then in charge."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.errors import ExecutorError, UnknownTarget
from uruk.executor.bootstrap import BootstrapExecutor
from uruk.executor.connection import Connection
from uruk.executor.control import Runtime
from uruk.executor.llvm_services import Services
from uruk.executor.remote_process import RemoteProcess
from uruk.isa.interface import architecture_of
from uruk.link import Linked
from uruk.orc.registry.search import ArchiveEntry
from uruk.orc.registry.tracker import ResourceTracker
from uruk.orc.session import Session
from uruk.platforms.bare import BarePlatform
from uruk.platforms.linux.runtime_here import function_names, open_runtime


class _Platform(BarePlatform):
    """Names of the executor's process, nothing run; unwind data is noted, to be registered when it is there."""

    def __init__(self, executor: BootstrapExecutor) -> None:
        super().__init__(executor)
        self.frames: list[tuple[int, int]] = []

    def loaded(self, linked: Linked, trackers: Sequence[ResourceTracker]) -> None:
        self.frames = [
            (int(linked.state.address[block]), int(linked.state.blocks.size[block]))
            for block in linked.state.synthetic["unwind"].tolist()
            if block >= 0
        ]


def architecture_of_executor(connection: Connection) -> str:
    """Return the architecture of the runtime for an executor. Raises ExecutorError for one that uruk has none for."""
    triple = connection.setup.triple
    if "linux" not in triple:
        raise ExecutorError(f"uruk has no runtime for an executor of {triple}")
    try:
        return architecture_of(triple).name
    except UnknownTarget as error:
        raise ExecutorError(f"code for {triple} cannot be run: {error}") from error


def link_runtime(connection: Connection) -> tuple[RemoteProcess, Runtime]:
    """Link the runtime into an executor; returns its process and the runtime. Raises ExecutorError, LinkError."""
    services = Services(connection)
    archive = open_runtime(architecture_of_executor(connection))
    executor = BootstrapExecutor(services)
    platform = _Platform(executor)
    session = Session(executor, platform)
    dylib = session.create_dylib("runtime")
    dylib.search.builtins = ArchiveEntry(archive, dylib.create_tracker("uruk runtime"), 0, set())
    names = function_names(archive)
    answers = session.lookup(dylib, names, roots=False)
    executor.memory.finish()  # brings all of it at once: messages of LLVM's services are the only way there so far
    for address, size in platform.frames:  # after the bytes have arrived, which the unwinder reads
        services.register_frames(address, size)
    addresses = {name: address for name, (address, _) in zip(names, answers, strict=True)}
    process = RemoteProcess(connection, addresses[b"uruk_rt_call_wrapper"], addresses[b"uruk_rt_read_wrapper"])
    runtime = Runtime(process, addresses)
    symbol = services.address
    runtime.call(
        b"uruk_rt_connect",
        symbol("__llvm_orc_SimpleRemoteEPC_dispatch_fn"),
        symbol("__llvm_orc_SimpleRemoteEPC_dispatch_ctx"),
    )
    return process, runtime
