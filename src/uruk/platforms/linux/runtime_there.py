"""The uruk runtime in a new executor: uruk's own has it; into others it is linked (`link_runtime_there.py`)."""

from __future__ import annotations

from uruk.errors import ExecutorError, UnknownTarget
from uruk.executor.connection import Connection
from uruk.executor.control import Runtime
from uruk.executor.llvm_services import Services
from uruk.executor.remote_process import RemoteProcess
from uruk.isa.interface import architecture_of
from uruk.platforms.linux.runtime_archive import function_names, open_runtime, version_of


def architecture_of_executor(connection: Connection) -> str:
    """Return the architecture of the runtime for an executor. Raises ExecutorError for one that uruk has none for."""
    triple = connection.setup.triple
    if "linux" not in triple:
        raise ExecutorError(f"uruk has no runtime for an executor of {triple}")
    try:
        return architecture_of(triple).name
    except UnknownTarget as error:
        raise ExecutorError(f"code for {triple} cannot be run: {error}") from error


def start_runtime(connection: Connection) -> tuple[RemoteProcess, Runtime]:
    """Return an executor's process and the runtime in it, ready for use. Raises ExecutorError, LinkError."""
    services = Services(connection)
    archive = open_runtime(architecture_of_executor(connection))
    if services.has(version_of(archive).decode()):  # else it is LLVM's, or of another version of uruk
        addresses = {name: services.address(name.decode()) for name in function_names(archive)}
        frames: list[int] = []
    else:
        from uruk.platforms.linux.link_runtime_there import link_runtime  # uruk's own executor needs none of it

        addresses, frames = link_runtime(services, archive)
    process = RemoteProcess(connection, addresses[b"uruk_rt_call_wrapper"], addresses[b"uruk_rt_read_wrapper"])
    runtime = Runtime(process, addresses)
    runtime.call(
        b"uruk_rt_connect",
        services.address("__llvm_orc_SimpleRemoteEPC_dispatch_fn"),
        services.address("__llvm_orc_SimpleRemoteEPC_dispatch_ctx"),
    )
    if frames:
        # By the runtime itself, which knows what unwinder the process has: LLVM's service gives a whole section to the
        # first `__register_frame' of the process, which in libunwind takes one record.
        runtime.call_with_array(b"uruk_rt_register_frames", frames)
    return process, runtime
