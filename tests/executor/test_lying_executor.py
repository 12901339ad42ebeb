"""Executors that lie in one message of a session: an error of uruk's in bounded time, and nothing else.

URUK_LIES: how many lies each kind of executor tells (60 by default; thousands for a long run). URUK_LIES_SEED: others.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from fake import SETUP, frame

import uruk
from uruk.errors import AllocationError, ExecutorError, ProtocolError
from uruk.executor import answers, sps
from uruk.executor.callbacks import Callbacks
from uruk.executor.connection import Connection
from uruk.executor.control import Argument, Runtime
from uruk.executor.lazy_stubs import answer
from uruk.executor.llvm_services import Services
from uruk.executor.remote import RemoteExecutor
from uruk.memory.runtime_memory import HIGHEST, RuntimeMemory
from uruk.platforms.windows.attach import RuntimeFunctions

from support.executors import TARGETS, compiled_for
from support.requirements import require_tool

HERE = Path(__file__).parent
LIES = os.environ.get("URUK_LIES", "60")
SEED = os.environ.get("URUK_LIES_SEED", "1")
LLVM = "llvm-jitlink-executor-19"
LINUX, WINDOWS = TARGETS


@pytest.mark.parametrize("shared", ["1", "0"], ids=["shared", "wire"])
@pytest.mark.parametrize(
    ("target", "executor"),
    [(LINUX, ""), (LINUX, LLVM), (WINDOWS, "")],
    indirect=["target"],
    ids=["uruk", "llvm", "windows"],
)
def test_sweep(target: str, executor: str, shared: str, liars_folder: Path, tmp_path: Path) -> None:
    program = require_tool(executor) if executor else ""
    lies = str(-(-int(LIES) // 4)) if target == WINDOWS else LIES  # it takes four times as long to start
    command = [sys.executable, str(HERE / "lying_sweep.py"), str(liars_folder), target, program, shared, lies, SEED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120 + 3 * int(LIES), check=False)
    case = "".join(path.read_text() for path in liars_folder.glob("case.*"))
    assert done.returncode == 0, f"died with {done.returncode} in {case}\n{done.stderr[-2000:]}"
    result = json.loads(done.stdout.splitlines()[-1])
    assert not result["failures"], f"seed {SEED}\n" + "\n\n".join(result["failures"][:10])
    assert result["frames"] > 20
    assert result["outcomes"]["well"] > 0
    assert len(result["outcomes"]) >= 3


# -- one kind of lie each


class Lying:
    """A runtime whose functions all have one result."""

    def __init__(self, result: int) -> None:
        self.result = result

    def call(self, name: bytes, *arguments: int | bytes | bytearray) -> int:
        return self.result


@pytest.mark.parametrize("result", [0, 8, 4095, -(1 << 63), -4096, -5000, HIGHEST, HIGHEST - 4096, (1 << 63) - 4096])
def test_reservations_that_cannot_be(result: int) -> None:
    there = RuntimeMemory(Lying(result), 4096)
    with pytest.raises(AllocationError):
        there.reserve(8192, 0, 0)
    with pytest.raises(AllocationError):
        there.map_shared(b"nowhere", 8192, 0, 0)


@pytest.mark.parametrize("result", [0x10000, 0x1FF000, 0x3FF000, 0x400000])
def test_reservations_out_of_range(result: int) -> None:
    with pytest.raises(AllocationError, match="between 0x200000 and 0x400000"):
        RuntimeMemory(Lying(result), 4096).reserve(8192, 0x200000, 0x400000)
    assert RuntimeMemory(Lying(0x3FE000), 4096).reserve(8192, 0x200000, 0x400000) == 0x3FE000


@pytest.mark.parametrize("result", [-1 << 63, -100_000, -4096])
def test_errors_that_no_kernel_has(result: int) -> None:
    with pytest.raises(AllocationError, match="and answers -0x"):
        RuntimeMemory(Lying(result), 4096).release(0x10000, 4096)


def test_checks_of_answers() -> None:
    assert answers.address(0, "it") == 0
    assert answers.address(0x7000, "it", 0x1000, 0x1000) == 0x7000
    for value in (-1, 1 << 63, HIGHEST + 1):
        with pytest.raises(ExecutorError, match="as it: that is not an address"):
            answers.address(value, "it")
    with pytest.raises(ExecutorError, match="of 0x1000 bytes"):
        answers.address(HIGHEST - 1, "it", 0x1000)
    for value in (-1, 101, 1 << 63):
        with pytest.raises(ExecutorError, match="as it, where 0x64 is the most"):
            answers.size(value, "it", 100)
    with pytest.raises(ExecutorError, match="not an unsigned 64-bit number"):
        sps.u64(5, 1 << 64)


class Answering:
    """A connection whose calls all have one result."""

    def __init__(self, setup: bytes, result: bytes) -> None:
        to_read, to_write = os.pipe()
        os.write(to_write, setup)
        self.real = Connection(to_read, to_write)
        self.setup = self.real.setup
        self.result = result

    def call(self, *_: object, **__: object) -> bytes:
        return self.result


@pytest.mark.parametrize(
    ("ask", "result"),
    [
        (lambda services: services.reserve(4096), b"\1" + sps.u64(0)),
        (lambda services: services.reserve(4096), b"\1" + sps.u64(4097)),
        (lambda services: services.reserve(4096), b"\1" + sps.u64((1 << 64) - 4096)),
        (lambda services: services.find_symbols(1, [b"a", b"b"]), b"\1" + sps.u64(1, 4096) + b"\0\0"),
        (lambda services: services.find_symbols(1, [b"a"]), b"\1" + sps.u64(2) + (sps.u64(4096) + b"\0\0") * 2),
        (lambda services: services.find_symbols(1, [b"a"]), b"\1" + sps.u64(1, 1 << 63) + b"\0\0"),
        (lambda services: services.find_symbols(1, [b"a"]), b"\1" + sps.u64(1 << 61)),
    ],
)
def test_services_that_lie(ask: Callable[[Services], object], result: bytes) -> None:
    connection = Answering(SETUP, result)
    try:
        with pytest.raises(ExecutorError):
            ask(Services(connection))  # pyright: ignore[reportArgumentType]
    finally:
        connection.real.close()


def test_functions_that_an_executor_has_not() -> None:
    with pytest.raises(ExecutorError, match="no uruk_rt_finalize: it is not of this version"):
        _ = RuntimeFunctions({b"uruk_rt_connect": 1})[b"uruk_rt_finalize"]


def test_records_of_modules_that_cannot_be(wine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an executor of Windows gives for a module goes back to it as it came: it ends there, and nowhere else."""
    real = Runtime.call

    def lie(runtime: Runtime, name: bytes, *arguments: Argument) -> int:
        return -4096 if name == b"uruk_rt_register_module" else real(runtime, name, *arguments)

    monkeypatch.setattr(Runtime, "call", lie)
    with uruk.LLJIT(executor=uruk.spawn(target=WINDOWS)) as jit:
        jit.add_object(compiled_for(WINDOWS, tmp_path, "int twice(int number) { return 2 * number; }"), "twice.o")
        assert jit.lookup("twice").function("int(int)")(21) == 42


@pytest.fixture(scope="module")
def sessions(liars_objects: Path) -> Iterator[Sequence[uruk.LLJIT]]:
    """Two sessions with an executor each, in which a lazy function waits."""
    sessions = [uruk.LLJIT(executor=uruk.spawn()) for _ in range(2)]
    for jit in sessions:
        jit.add_object((liars_objects / "lazy.o").read_bytes(), lazy=True)
        jit.lookup("later")
    yield sessions
    for jit in sessions:
        jit.close()


@pytest.fixture
def two(sessions: Sequence[uruk.LLJIT]) -> Sequence[RemoteExecutor]:
    """The executors of the two sessions."""
    return [jit.executor for jit in sessions]


def test_requests_for_lazy_functions_of_others(sessions: Sequence[uruk.LLJIT]) -> None:
    """An executor has no business with the functions of another one's session, nor with numbers that are no stub's."""
    pools = [jit.platform.process._pool() for jit in sessions]  # pyright: ignore[reportPrivateUsage]
    assert pools[0] is not pools[1]
    for payload in (b"", bytes(23), bytes(25)):
        with pytest.raises(ProtocolError, match=r"by \d+ bytes"):
            answer(payload, pools[0])
    assert answer(struct.pack("<3Q", 0, 1 << 63, 0), pools[0]) == bytes(8)  # a session that was closed
    from uruk.executor.lazy_stubs import _open_sessions  # pyright: ignore[reportPrivateUsage]

    numbers = [number for number, stubs in _open_sessions.items() if stubs.has(0, pools[0])]
    assert len(numbers) == 1
    assert any(answer(struct.pack("<3Q", 0, numbers[0], 0), pools[0]))
    for stub in (1 << 20, 1 << 63, (1 << 64) - 1):
        with pytest.raises(ProtocolError, match="which is none of its own"):
            answer(struct.pack("<3Q", 0, numbers[0], stub), pools[0])
    with pytest.raises(ProtocolError, match="which is none of its own"):
        answer(struct.pack("<3Q", 0, numbers[0], 0), pools[1])


def test_callbacks_with_too_few_arguments(two: Sequence[RemoteExecutor]) -> None:
    callbacks: Callbacks = two[0].callbacks
    made = two[0].callback("int(int)", lambda number: number)
    for payload in (b"", bytes(15), sps.u64(0, made.number), sps.u64(0, made.number, 1, 2, 3)):
        with pytest.raises(ProtocolError):
            callbacks.answer(payload)
    assert callbacks.answer(sps.u64(0, 1 << 40)) == bytes(48)
    made.release()


def test_a_malformed_request_ends_the_connection() -> None:
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()
    os.write(to_write, SETUP)
    connection = Connection(to_read, back_write)

    def refuse(payload: bytes) -> bytes:
        raise ProtocolError(f"{len(payload)} bytes are no request")

    connection.handlers[4096] = refuse
    os.write(to_write, frame(3, 0, 4096, bytes(8)))
    end = time.monotonic() + 10
    while connection.lost is None and time.monotonic() < end:
        time.sleep(0.01)
    with pytest.raises(ProtocolError, match="8 bytes are no request"):
        connection.call(1, deadline=10)
    os.close(to_write)
    os.close(back_read)
    connection.close()
