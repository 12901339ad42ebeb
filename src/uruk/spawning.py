"""Executors in other processes: started as children, or reached over a socket."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from uruk.errors import ExecutorError, ExecutorTimeout, InvalidType
from uruk.executor import llvm_services
from uruk.executor.connection import GRACE, SETUP_PATIENCE, Connection
from uruk.executor.interruption import deferred
from uruk.executor.launch import start
from uruk.executor.remote import RemoteExecutor
from uruk.formats.heads import HEAD, target_of_head
from uruk.memory.manager import DEFAULT_SLAB
from uruk.orc.registry.inputs import check, check_environment, check_seconds, check_size_given, listed, path_of
from uruk.platforms.linux import attach as linux
from uruk.records import record
from uruk.runtime_files import executor_program
from uruk.target import HERE, Target, executor_target

LONGEST_SECRET = 4096
"""Bytes that a secret has at most (runtime/executor/linux/listen.c)."""


@record
class _Child:
    """The arguments of `spawn` that every system's start takes."""

    program: str
    launcher: Sequence[str] | None
    environment: Mapping[str, str]
    shared_memory: bool
    slab_size: int
    deadline: float | None
    patience: float
    streams: Sequence[int]

    @property
    def first_patience(self) -> float:
        """Seconds for the first message."""
        return _least(self.patience, self.deadline)


def spawn(
    *,
    executor: str | os.PathLike[str] | None = None,
    launcher: Sequence[str] | None = None,
    target: str | None = None,
    shared_memory: bool = True,
    slab_size: int = DEFAULT_SLAB,
    tls_pool: int = linux.STATIC_TLS,
    environment: Mapping[str, str] | None = None,
    deadline: float | None = None,
    patience: float = SETUP_PATIENCE,
    streams: Sequence[int] = (),
) -> RemoteExecutor:
    """Start an executor as a child process, for one session: ``LLJIT(executor=uruk.spawn())``.

    `executor`: the program, uruk's own for `target` by default (``aarch64-linux``; None: this machine's); any that
    speaks LLVM's protocol will do. `launcher` goes before it: an emulator, ``["ssh", "host"]``; None is qemu for
    a program of another architecture, with the libraries of Debian's cross compilers, if they are there, and wine for
    ``x86_64-windows``. `shared_memory`: code and data go by memory that both processes map; otherwise, and where such
    memory cannot be had (`RemoteExecutor.shared_memory_refused` says why), by messages. `slab_size` and `tls_pool` are
    bytes. `streams`: three descriptors that are its standard streams, instead of this process's. `deadline`: seconds
    that a call may take, each step of the start included, then ExecutorTimeout; `patience`: seconds until it must have
    said what it is. Raises UnknownTarget, a ValueError, for a target that uruk has no
    executor for, and ExecutorError where the process cannot be had; then, and after an exception of a signal's handler
    (Ctrl-C), nothing of it is left.
    """
    _check_numbers(slab_size, deadline, patience)
    check_size_given(tls_pool, "tls_pool")
    launcher = [path_of(word) for word in listed(launcher, "launcher")] if launcher is not None else None
    streams = listed(streams, "streams")
    for stream in streams:
        check(stream, int, "streams", "a list of three descriptors")
    if environment is not None:
        check_environment(environment)
    system = executor_target(target) if target else HERE
    program = path_of(executor) if executor is not None else executor_program(str(system))
    variables = dict(os.environ if environment is None else environment)
    child = _Child(program, launcher, variables, shared_memory, slab_size, deadline, patience, streams)
    if system.system == "windows":
        return _spawn_windows(child)
    return _spawn_linux(child, system, tls_pool, is_own=executor is None)


def _spawn_linux(wanted: _Child, system: Target, tls_pool: int, *, is_own: bool) -> RemoteExecutor:
    """Start a child of Linux; `is_own`: the program is uruk's."""
    launcher = wanted.launcher
    if launcher is None:
        # A user's program may be a script that starts an executor elsewhere: that is not the emulator's.
        launcher = emulator(str(system)) if is_own or _is_foreign(wanted.program, system) else ()
    if launcher and os.path.basename(launcher[0]) in ("wine", "wine64"):
        # It starts programs of Linux, too, and keeps their exit status to itself.
        raise ExecutorError(f"{launcher[0]} runs programs of Windows, and the target is {system}: name no launcher")
    command, variables = [*launcher, wanted.program], linux.start_variables(wanted.environment, tls_pool)
    words = ["report-crashes"]
    if threading.current_thread() is threading.main_thread():  # PR_SET_PDEATHSIG: at the end of this thread
        words.append(f"die-with-parent={0 if launcher else os.getpid()}")  # a launcher's child has another parent
    with deferred() as starting:
        child, connection = start(command, words, variables, wanted.first_patience, starting, wanted.streams)
        with _starting(connection, wanted.deadline):
            child.tls_pool = tls_pool
            spawned = linux.attach(connection, child, shared_memory=wanted.shared_memory, slab_size=wanted.slab_size)
            linux.restore_variables(spawned, wanted.environment)
    return spawned


def _check_numbers(slab_size: object, deadline: object, patience: object = None) -> None:
    """Raise InvalidType for wrong ones."""
    check_size_given(slab_size, "slab_size")
    check_seconds(deadline, "deadline")
    check_seconds(patience, "patience")


def _spawn_windows(wanted: _Child) -> RemoteExecutor:
    from uruk.platforms.windows import attach as windows  # seldom needed

    command = [*(windows.launcher() if wanted.launcher is None else wanted.launcher), wanted.program]
    words, variables = windows.start_words(), windows.start_variables(wanted.environment)
    with deferred() as starting:
        child, connection = start(
            command, words, variables, wanted.first_patience, starting, wanted.streams, inherits=False
        )
        with _starting(connection, wanted.deadline):
            return windows.attach(connection, child, shared_memory=wanted.shared_memory, slab_size=wanted.slab_size)


def _is_foreign(program: str, target: Target) -> bool:
    """Return True for a program of a target whose architecture is not this machine's, by its file."""
    if target.architecture == HERE.architecture:
        return False
    try:
        with open(program, "rb") as file:
            found = target_of_head(file.read(HEAD))
    except OSError:  # starting it says what is wrong
        return False
    return found is not None and found.architecture == target.architecture


def _least(patience: float, deadline: float | None) -> float:
    return patience if deadline is None else min(patience, deadline)


@contextmanager
def _starting(connection: Connection, deadline: float | None) -> Generator[None]:
    """Give each of the first calls `FIRST_CALL` seconds at most, and set the deadline afterwards."""
    connection.deadline = _least(llvm_services.FIRST_CALL, deadline)
    try:
        yield
    except BaseException:
        connection.close(GRACE)
        raise
    connection.deadline = deadline


def launcher_of(target: str, environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs a target's programs here, and their environment. Raises ExecutorError for none."""
    if executor_target(target).system == "windows":
        from uruk.platforms.windows import attach as windows  # seldom needed

        return windows.launcher(), windows.start_variables(environment)
    return emulator(target), dict(environment)


def emulator(target: str) -> list[str]:
    """Return the command that runs programs of another architecture here; none for this one, or where there is none."""
    name = executor_target(target).architecture
    if name == HERE.architecture:
        return []
    import shutil  # takes time to import

    program = shutil.which(f"qemu-{name}")
    root = f"/usr/{name}-linux-gnu"
    return [program, *(["-L", root] if os.path.isdir(root) else [])] if program else []


def connect(
    host: str,
    port: int,
    *,
    secret: bytes | None = None,
    shared_memory: bool = False,
    slab_size: int = DEFAULT_SLAB,
    deadline: float | None = None,
) -> RemoteExecutor:
    """Connect to an executor that listens (``uruk executor --listen HOST:PORT``), for one session.

    `secret`: what the executor wants to hear first, 1 to 4096 bytes. `shared_memory` wants one on this machine;
    elsewhere memory is reached by messages. `deadline`: seconds that connecting may take, and each call, those of the
    start included; then ExecutorTimeout. Raises ExecutorError where it cannot be had.
    """
    import socket

    if not isinstance(host, str) or not isinstance(port, int | str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"{host!r} and {port!r} are not the name of a machine, a str, and a port, an int")
    _check_numbers(slab_size, deadline)
    first = b"" if secret is None else _greeting(secret)
    patience = _least(SETUP_PATIENCE, deadline)
    with deferred() as starting, ExitStack() as files:
        try:
            line = files.enter_context(socket.create_connection((host, port), timeout=patience))
            line.sendall(first)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = os.dup(line.fileno())
            files.callback(os.close, reader)
            writer = os.dup(line.fileno())
        except TimeoutError as error:
            text = f"an executor at {host}:{port} did not let us connect within {patience:g} s"
            raise ExecutorTimeout(text) from error
        except OSError as error:
            raise ExecutorError(f"cannot connect to an executor at {host}:{port}: {error}") from error
        files.pop_all()  # they are the connection's

        def shut_down() -> None:
            with line:
                line.shutdown(socket.SHUT_WR)

        connection = Connection(reader, writer, shut_down=shut_down, patience=patience, starting=starting)
        with _starting(connection, deadline):
            if "windows" in connection.setup.triple:
                from uruk.platforms.windows import attach as windows  # seldom needed

                return windows.attach(connection, None, shared_memory=shared_memory, slab_size=slab_size)
            return linux.attach(connection, None, shared_memory=shared_memory, slab_size=slab_size)


def _greeting(secret: bytes) -> bytes:
    """Return the bytes that tell a secret to an executor that listens.

    Raises ExecutorError for one that no executor takes.
    """
    check(secret, bytes, "secret", "bytes")
    if not secret:
        raise ExecutorError("the secret for the executor is empty")
    if len(secret) > LONGEST_SECRET:
        raise ExecutorError(f"the secret for the executor has {len(secret)} bytes; {LONGEST_SECRET} is the most")
    return b"URUKAUTH" + len(secret).to_bytes(8, "little") + secret
