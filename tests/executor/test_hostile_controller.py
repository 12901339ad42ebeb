"""A controller that sends nonsense: the executor refuses it, or ends with a message; it never crashes or hangs."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from uruk.errors import ExecutorCrashed
from uruk.executor import sps
from uruk.executor.connection import Connection
from uruk.executor.launch import Child, start
from uruk.runtime_files import executor_program

from support.executors import command_of, line_words

HEADER = struct.Struct("<QQQQ")
SERVICES = """
__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper __llvm_orc_SimpleExecutorMemoryManager_finalize_wrapper
__llvm_orc_SimpleExecutorMemoryManager_deallocate_wrapper __llvm_orc_SimpleExecutorDylibManager_open_wrapper
__llvm_orc_SimpleExecutorDylibManager_lookup_wrapper __llvm_orc_ExecutorSharedMemoryMapperService_Reserve
__llvm_orc_ExecutorSharedMemoryMapperService_Initialize __llvm_orc_ExecutorSharedMemoryMapperService_Deinitialize
__llvm_orc_ExecutorSharedMemoryMapperService_Release
""".split()
"""Services whose arguments name no address that is written or called as it is."""
SECONDS = 4.0
MESSAGES = {
    "garbage": b"\xff" * 64,
    "too small": HEADER.pack(31, 3, 0, 0),
    "huge": HEADER.pack(1 << 63, 3, 0, 0),
    "unknown kind": HEADER.pack(32, 7, 0, 0),
    "setup": HEADER.pack(32, 0, 0, 0),
    "answer to nothing": HEADER.pack(32, 2, 5, 0),
    "half a header": HEADER.pack(32, 3, 0, 0)[:11],
    "half a message": HEADER.pack(64, 3, 0, 0) + b"1234",
}


@pytest.fixture
def line(target: str) -> Iterator[tuple[Child, Connection]]:
    child, connection = start(command_of(target), line_words(target), inherits=target == "x86_64-linux")
    yield child, connection
    connection.close()
    child.end()


def test_arguments_of_services(line: tuple[Child, Connection]) -> None:
    """Random bytes, small numbers and lengths that lie, for every service; then the executor still works."""
    child, connection = line
    symbols, chance = connection.setup.symbols, random.Random(7)
    services = [name for name in SERVICES if name in symbols]  # there is no shared memory of Windows yet
    end = time.monotonic() + SECONDS
    tries = 0
    while time.monotonic() < end:
        name = chance.choice(services)
        words = [chance.choice((0, 1, 2, 8, 4096, 1 << 20, 1 << 46, 1 << 63, (1 << 64) - 1)) for _ in range(8)]
        payload = bytearray(struct.pack("<8Q", *words)[: chance.randrange(65)])
        for _ in range(chance.randrange(3)):
            if payload:
                payload[chance.randrange(len(payload))] = chance.randrange(256)
        if b"Reserve" in name.encode() or "reserve" in name:
            payload[8:16] = sps.u64(chance.choice((0, 1, 4096, 1 << 63)))
        connection.call(symbols[name], payload, deadline=10)
        tries += 1
    assert tries > 500
    base = sps.Reader(connection.call(symbols[SERVICES[0]], sps.u64(0, 4096), deadline=10), "reserve")
    base.expect_value()
    assert child.poll() is None


def test_writable_and_executable_is_refused(line: tuple[Child, Connection]) -> None:
    _, connection = line
    symbols = connection.setup.symbols
    answer = sps.Reader(connection.call(symbols[SERVICES[0]], sps.u64(0, 4096)), "reserve")
    answer.expect_value()
    base = answer.u64()
    request = sps.u64(0, 1) + b"\x07" + sps.u64(base, 4096) + sps.string(b"\xc3") + sps.u64(0)
    refused = sps.Reader(connection.call(symbols[SERVICES[1]], request), "finalize")
    assert refused.bool()
    assert b"W^X" in refused.string()


@pytest.mark.parametrize("kind", MESSAGES)
def test_messages(kind: str, target: str) -> None:
    reading, to_write = os.pipe()
    to_read, writing = os.pipe()
    command = [*command_of(target), f"filedescs={reading},{writing}", *line_words(target)]
    with subprocess.Popen(command, pass_fds=(reading, writing), stderr=subprocess.PIPE, text=True) as process:
        assert os.read(to_read, 1)  # one of Windows has opened the line by now
        os.close(reading)
        os.close(writing)
        os.write(to_write, MESSAGES[kind])
        os.close(to_write)
        assert process.wait(10) == 1
        assert process.stderr is not None
        assert process.stderr.read().startswith("uruk-executor: ")
    os.close(to_read)


@pytest.mark.parametrize("words", [[], ["filedescs=x"], ["listen=nothing"], ["listen=127.0.0.1:99999999"]])
def test_command_line(words: list[str]) -> None:
    done = subprocess.run([executor_program(), *words], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("uruk-executor: ")


def test_a_crash_takes_unopened_shared_memory_with_it() -> None:
    """What the controller has reserved and not opened is unlinked by the handler."""
    child, connection = start([executor_program()], ["report-crashes"])
    try:
        symbols = connection.setup.symbols
        answer = sps.Reader(connection.call(symbols[SERVICES[5]], sps.u64(0, 4096), deadline=10), "Reserve")
        answer.expect_value()
        answer.u64()
        path = Path("/dev/shm") / os.fsdecode(answer.string()).lstrip("/")
        assert path.exists()
        with pytest.raises(ExecutorCrashed):
            connection.call(8, b"", deadline=10)
        assert not path.exists()
    finally:
        connection.close()
        child.end()


def test_nobody_can_take_the_names_of_shared_memory() -> None:
    """They are random: counting them beforehand is of no use to another user."""
    child, connection = start([executor_program()])
    taken = [Path(f"/dev/shm/jitlink_{child.pid}_{number}") for number in range(1, 20)]
    try:
        for path in taken:
            path.touch()
        names: set[bytes] = set()
        for _ in range(8):
            request = sps.u64(0, 4096)
            answer = sps.Reader(connection.call(connection.setup.symbols[SERVICES[5]], request, deadline=10), "Reserve")
            answer.expect_value()
            answer.u64()
            names.add(answer.string())
        assert len(names) == 8
    finally:
        for path in taken:
            path.unlink(missing_ok=True)
        connection.close()
        child.end()
    assert not list(Path("/dev/shm").glob(f"jitlink_{child.pid}_*"))
