"""Windows's executor under wine: calls, memory, libraries, streams."""

from __future__ import annotations

import os
import struct
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from windows_processes import PAGE, address_of, function, put_code

import uruk
from uruk.errors import ExecutorError, ExecutorLost, LibraryError
from uruk.executor.llvm_services import Part, Services
from uruk.executor.remote import RemoteExecutor
from uruk.memory.mapper import Protection

pytestmark = pytest.mark.any_interpreter

RETURN_42 = b"\xb8\x2a\x00\x00\x00\xc3"  # mov eax, 42; ret


def test_what_it_says_of_itself(executor: RemoteExecutor) -> None:
    setup = executor.connection.setup
    assert setup.triple == "x86_64-w64-windows-gnu"
    assert setup.page_size == executor.process.page_size == PAGE
    assert repr(executor).endswith("x86_64-w64-windows-gnu>")
    assert "__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper" in setup.symbols


def test_integers_and_floats(executor: RemoteExecutor) -> None:
    assert function(executor, "int(int, int, int)", "MulDiv")(6, 35, 5) == 42
    assert function(executor, "double(double, double)", "pow", "msvcrt.dll")(2.0, 10.0) == 1024.0
    assert function(executor, "double(double, int)", "ldexp", "msvcrt.dll")(1.5, 3) == 12.0  # slots are positional


def test_words_on_the_stack_lie_behind_the_shadow_space(executor: RemoteExecutor) -> None:
    sprintf = function(executor, "int(char *, const char *, int, int, int, int, int)", "sprintf", "msvcrt.dll")
    text = bytearray(32)
    assert sprintf(text, b"%d %d %d %d %d\0", 1, -2, 3, -4, 5) == 11
    assert text.startswith(b"1 -2 3 -4 5\0")


def test_a_callee_may_use_its_shadow_space(executor: RemoteExecutor) -> None:
    """32 bytes above the return address are its own, and the caller's registers are kept."""
    code = put_code(executor, b"\x48\x89\x4c\x24\x08\x48\x89\x54\x24\x20\x48\x8b\x44\x24\x08\x48\x03\x44\x24\x20\xc3")
    assert executor.process.call(code, 40, 2) == 42


def test_the_last_error_is_told(executor: RemoteExecutor) -> None:
    set_error = address_of(executor, "SetLastError")
    assert executor.process.invoke(set_error, [1234]).error == 1234


def test_callbacks(executor: RemoteExecutor) -> None:
    def compare(left: int, right: int) -> int:
        read = executor.process.read
        return int.from_bytes(read(left, 4), "little") - int.from_bytes(read(right, 4), "little")

    numbers = bytearray(struct.pack("<5i", 5, 1, 4, 2, 3))
    callback = executor.callback("int(const void *, const void *)", compare)
    function(executor, "void(void *, size_t, size_t, void *)", "qsort", "msvcrt.dll")(numbers, 5, 4, callback)
    assert struct.unpack("<5i", numbers) == (1, 2, 3, 4, 5)


def test_calls_run_side_by_side_and_the_first_in_the_main_thread(executor: RemoteExecutor) -> None:
    thread = address_of(executor, "GetCurrentThreadId")
    main = executor.process.call(thread)
    sleep = address_of(executor, "Sleep")
    begin = time.monotonic()
    threads = [threading.Thread(target=executor.process.call, args=(sleep, 1500)) for _ in range(3)]
    for each in threads:
        each.start()
    time.sleep(0.3)
    assert executor.process.call(thread) != main
    for each in threads:
        each.join()
    assert time.monotonic() - begin < 3
    assert executor.process.call(thread) == main


def test_large_writes_and_reads(executor: RemoteExecutor) -> None:
    """A message may be larger than a pipe, and holds every byte: no end of line is changed."""
    size = 16 << 20
    address = executor.memory.mapper.reserve(size)
    executor.memory.mapper.initialize([(address, size)], Protection.R | Protection.W)
    data = np.arange(size // 4, dtype=np.uint32).tobytes()
    executor.process.write(address, data)
    assert executor.process.read(address, size) == data


def test_llvms_memory_services(executor: RemoteExecutor) -> None:
    services = Services(executor.connection)
    base = services.reserve(3 * PAGE)
    executor.process.write(base, b"before it is finalized")
    image = np.zeros(3 * PAGE, np.uint8)
    image[: len(RETURN_42)] = list(RETURN_42)
    image[PAGE : PAGE + 5] = list(b"const")
    code, constants = Part(0, PAGE, Protection.R | Protection.X), Part(PAGE, PAGE, Protection.R)
    services.finalize(base, image, [code, constants])
    assert executor.call(base) == 42
    assert executor.process.read(base + PAGE, 6) == b"const\0"
    other = services.reserve(PAGE)
    both = Part(0, PAGE, Protection.R | Protection.W | Protection.X)
    with pytest.raises(ExecutorError, match="W\\^X"):
        services.finalize(other, image, [both])
    with pytest.raises(ExecutorError, match="cannot reserve"):
        services.reserve(1 << 50)


def test_libraries(executor: RemoteExecutor) -> None:
    libraries = executor.libraries
    assert libraries.find_symbol(None, b"GetProcAddress")[0] == address_of(executor, "GetProcAddress")
    assert libraries.find_symbol(None, b"no such function")[0] == 0
    with pytest.raises(
        LibraryError, match=r"none\.dll, or a library that it needs, is not found \(Windows error 126\)"
    ):
        libraries.load("none.dll")
    assert executor.call(address_of(executor, "GetTickCount")) is not None


def test_the_standard_streams_are_the_programs(wine: Path, tmp_path: Path) -> None:
    given, out, err = tmp_path / "in", tmp_path / "out", tmp_path / "err"
    given.write_bytes(b"a line\n")
    with given.open() as first, out.open("wb") as second, err.open("wb") as third:
        streams = [file.fileno() for file in (first, second, third)]
        with uruk.spawn(target="x86_64-windows", streams=streams) as executor:
            line = bytearray(64)
            handle = function(executor, "size_t(int)", "GetStdHandle")
            read = function(executor, "int(size_t, void *, int, void *, size_t)", "ReadFile")
            write = function(executor, "int(size_t, const void *, int, void *, size_t)", "WriteFile")
            assert read(handle(-10), line, len(line), bytearray(4), 0) == 1
            assert line.startswith(b"a line\n")
            assert write(handle(-11), b"out\r\n", 5, bytearray(4), 0) == 1
            assert write(handle(-12), b"err\x1a", 4, bytearray(4), 0) == 1
    assert (out.read_bytes(), err.read_bytes()) == (b"out\r\n", b"err\x1a")


def test_the_environment_is_the_controllers(wine: Path) -> None:
    with uruk.spawn(target="x86_64-windows", environment={**os.environ, "URUK_TEST_WORD": "value"}) as executor:
        value = bytearray(16)
        get = function(executor, "int(const char *, char *, int)", "GetEnvironmentVariableA")
        assert get(b"URUK_TEST_WORD\0", value, len(value)) == 5
        assert value.startswith(b"value\0")


def test_a_write_to_nowhere_ends_it(wine: Path, tmp_path: Path) -> None:
    with open(os.devnull) as nothing, (tmp_path / "err").open("wb") as err:
        streams = [nothing.fileno(), err.fileno(), err.fileno()]
        with uruk.spawn(target="x86_64-windows", streams=streams) as executor, pytest.raises(ExecutorLost, match="1"):
            executor.process.write(0x1000, b"bytes")
    assert (tmp_path / "err").read_text() == "uruk-executor: a write to memory that is not writable came\n"


def test_without_wine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExecutorError, match="wine, which is not found"):
        uruk.spawn(target="x86_64-windows")
