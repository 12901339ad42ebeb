"""Carriers of thread-locals under wine: storage for every thread, calls for threads that come and go, and its end."""

from __future__ import annotations

import struct
import threading
import time

import pytest
from windows_processes import PAGE, address_of, put_code

from uruk.errors import TLSError
from uruk.executor.remote import RemoteExecutor
from uruk.memory.mapper import Protection
from uruk.passes.tls.interface import StorageInPlace
from uruk.platforms.windows.carriers import Carriers

pytestmark = pytest.mark.any_interpreter

# mov eax, [rdx]; mov r8, gs:[0x58]; mov rax, [r8+rax*8]; lea rax, [rax+rcx]; ret: the address of a thread's copy
OWN_COPY = bytes.fromhex("8b02 654c8b042558000000 498b04c0 488d0408 c3")


class Linked:
    """Memory as a link would leave it: templates, index variables, lists of functions."""

    def __init__(self, executor: RemoteExecutor) -> None:
        self.executor = executor
        mapper = executor.memory.mapper
        self.data = mapper.reserve(1 << 20)
        mapper.initialize([(self.data, 4 * PAGE)], Protection.R | Protection.W)
        self.own_copy = put_code(executor, OWN_COPY)
        free = address_of(executor, "FreeLibrary")
        self.carriers = Carriers("x86_64", executor.libraries, lambda handle: executor.process.call(free, handle))

    def place(
        self, number: int, content: bytes, *, zeros: int = 0, callbacks: int = 0, align: int = 8
    ) -> StorageInPlace:
        template, index = self.data + 256 * number, self.data + PAGE + 4 * number
        self.executor.process.write(template, content)
        self.executor.process.write(index, b"\xff" * 4)
        return StorageInPlace(template, len(content), zeros, align, index, callbacks)

    def address(self, place: StorageInPlace, offset: int = 0) -> int:
        return self.executor.process.call(self.own_copy, offset, place.index_variable)

    def word(self, place: StorageInPlace, offset: int = 0) -> int:
        return int.from_bytes(self.executor.process.read(self.address(place, offset), 4), "little")


def test_threads_have_copies_of_their_own(executor: RemoteExecutor) -> None:
    linked = Linked(executor)
    place = linked.place(0, struct.pack("<4I", 11, 22, 33, 44), zeros=16)
    carrier = linked.carriers.load_in_place(place, "m.obj")
    carrier.open()
    assert [linked.word(place, offset) for offset in (0, 4, 12, 16, 28)] == [11, 22, 44, 0, 0]
    executor.process.write(linked.address(place), b"\x07\0\0\0")
    assert linked.word(place) == 7
    sleeper = threading.Thread(target=executor.process.call, args=(address_of(executor, "Sleep"), 1500))
    sleeper.start()
    time.sleep(0.3)  # the first thread sleeps now, and the next call is another's
    other = linked.address(place)
    assert executor.process.read(other, 4) == b"\x0b\0\0\0"
    sleeper.join()
    assert linked.address(place) != other
    assert executor.process.read(place.template, 4) == b"\x0b\0\0\0"  # the template is never written to
    carrier.close()


def test_functions_are_called_for_process_and_threads(executor: RemoteExecutor) -> None:
    linked = Linked(executor)
    counts, functions = linked.data + 2 * PAGE, linked.data + 3 * PAGE
    # mov rax, counts; lock inc dword [rax + rdx*4]; ret: rdx is the reason
    count = put_code(executor, b"\x48\xb8" + struct.pack("<Q", counts) + bytes.fromhex("f0ff0490 c3"))
    executor.process.write(functions, struct.pack("<2Q", count, 0))
    carrier = linked.carriers.load_in_place(linked.place(0, b"", callbacks=functions), "m.obj")

    def reasons() -> list[int]:
        return list(struct.unpack("<4I", executor.process.read(counts, 16)))

    assert reasons() == [0, 0, 0, 0]
    carrier.open()
    assert reasons()[1] == 1  # DLL_PROCESS_ATTACH
    create = executor.function(
        "size_t(void *, size_t, void *, void *, int, void *)", address_of(executor, "CreateThread")
    )
    wait = address_of(executor, "WaitForSingleObject")
    thread = create(0, 0, address_of(executor, "GetTickCount"), 0, 0, 0)
    executor.process.call(wait, thread, 5000)
    assert reasons()[2:] == [1, 1]  # DLL_THREAD_ATTACH, DLL_THREAD_DETACH
    carrier.close()
    assert reasons()[0] == 1  # DLL_PROCESS_DETACH


def test_modules_are_apart_and_their_indexes_come_back(executor: RemoteExecutor) -> None:
    """Files of the same number one after the other are modules of their own, as long as both are loaded."""
    linked = Linked(executor)
    places = [linked.place(number, struct.pack("<I", 100 + number)) for number in range(8)]
    carriers = [linked.carriers.load_in_place(place, "m.obj") for place in places]
    for carrier in carriers:
        carrier.open()
    indexes = [executor.process.read(place.index_variable, 4) for place in places]
    assert len(set(indexes)) == len(places)
    assert [linked.word(place) for place in places] == [100 + number for number in range(8)]
    carriers[3].close()
    carriers[3].close()
    again = linked.carriers.load_in_place(places[3], "m.obj")
    again.open()
    assert executor.process.read(places[3].index_variable, 4) == indexes[3]
    for carrier in (*carriers, again):
        carrier.close()
    assert linked.carriers.paths == set()


def test_storage_that_cannot_be_had(executor: RemoteExecutor) -> None:
    linked = Linked(executor)
    with pytest.raises(TLSError, match=r"m\.obj.*aligned to 32 bytes, and Windows's loader aligns them to 16"):
        linked.carriers.load_in_place(linked.place(0, b"", align=32), "m.obj")
    with pytest.raises(TLSError, match="2147483648 bytes of each thread"):
        linked.carriers.load_in_place(linked.place(0, b"", zeros=1 << 31), "m.obj")
