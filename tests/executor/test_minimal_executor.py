"""The least that an executor is: a process, memory, libraries and a lifetime, made here from nothing of uruk's own.

Whatever more was asked of one of these objects would be an AttributeError.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

import uruk
from uruk.executor.interface import Executor
from uruk.executor.library_symbols import FoundSymbols
from uruk.memory.fixed import FixedMemory
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.interface import Memory
from uruk.memory.manager import SlabManager
from uruk.orc.registry.options import Options
from uruk.orc.session import Session
from uruk.platforms.bare import BarePlatform

from support.compiling import Compile

Bytes = bytes | bytearray | memoryview


class Process:
    """This process, by ctypes."""

    __slots__ = ()
    triple = f"{platform.machine()}-unknown-linux-gnu"
    page_size = mmap.PAGESIZE
    is_here = True

    def call(self, address: int, *arguments: int) -> int:
        return int(ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * len(arguments))(address)(*arguments))

    def read(self, address: int, size: int) -> bytes:
        return ctypes.string_at(address, size)

    def write(self, address: int, data: Bytes) -> None:
        ctypes.memmove(address, bytes(data), len(data))

    def write_many(self, writes: Sequence[tuple[int, Bytes]]) -> None:
        for address, data in writes:
            self.write(address, data)


class Pretended(Process):
    """A process of which only the target is known."""

    __slots__ = ()
    triple = "aarch64-unknown-linux-gnu"
    page_size = 1 << 16
    is_here = False

    def call(self, address: int, *arguments: int) -> int:
        raise AssertionError("nothing can be called there")

    def read(self, address: int, size: int) -> bytes:
        raise AssertionError("nothing can be read there")

    def write(self, address: int, data: Bytes) -> None:
        raise AssertionError("nothing can be written there")


class Libraries:
    """The names of a process are those of a table."""

    __slots__ = ("names",)

    def __init__(self, names: dict[bytes, int]) -> None:
        self.names = names

    def load(self, path: str, *, everywhere: bool = False) -> int:
        raise uruk.LibraryError(path, "there are no libraries")

    def find_symbol(self, handle: int | None, name: bytes) -> tuple[int, bool]:
        return (self.names.get(name, 0) if handle is None else 0), False

    def find_symbols(self, handles: Sequence[int | None], names: Sequence[bytes]) -> FoundSymbols:
        found = FoundSymbols.nothing(len(names))
        found.address[:] = [self.find_symbol(None, name)[0] if None in handles else 0 for name in names]
        return found


class Minimal:
    """See `uruk.executor.interface.Executor`; `ends` counts what ended it."""

    __slots__ = ("ends", "libraries", "memory", "process")
    lost = None

    def __init__(self, process: Process, memory: Memory, names: dict[bytes, int] | None = None) -> None:
        self.process = process
        self.memory = memory
        self.libraries = Libraries(names or {})
        self.ends: list[str] = []

    def check_calls(self) -> None:
        pass

    def end_within(self, seconds: float) -> None:
        self.ends.append("end within")

    def close(self) -> None:
        self.ends.append("close")
        self.memory.close()


ADD = """
    extern int seven(int);
    static int total = 40;
    const char *const words[] = {"none", "one", "two"};
    int add(int x) { return total += seven(x); }
    int letter(int word, int at) { return words[word][at]; }
"""
USER = "extern int add(int); int (*pointer)(int) = add; int twice(int x) { return pointer(x) + add(x); }"
_seven = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 7)


@pytest.fixture
def executor() -> Minimal:
    here = ctypes.cast(_seven, ctypes.c_void_p).value or 0
    return Minimal(Process(), SlabManager(InProcessMapper(), 1 << 24), {b"seven": here})


@pytest.fixture
def session(executor: Minimal) -> Iterator[Session]:
    session = Session(executor, BarePlatform(executor))
    yield session
    session.close()


def used(session: Session) -> int:
    return sum(slab.used for slab in session.executor.memory.slabs)  # pyright: ignore[reportAttributeAccessIssue]


def test_an_executor_is_no_more_than_this() -> None:
    """What is added here, every executor must have; what one system wants is its platform's."""
    members = {name for name in vars(Executor) if not name.startswith("_")}
    assert members == {"process", "memory", "libraries", "lost", "check_calls", "end_within", "close"}
    assert all(hasattr(Minimal, name) for name in members)


def test_code_is_linked_called_and_removed(cc: Compile, executor: Minimal, session: Session) -> None:
    main = session.create_dylib("main")
    first = main.add_object(cc(ADD, name="add"))
    second = main.add_object(cc(USER, name="user"))
    found = main.lookup(["twice", "letter"])
    assert executor.process.call(found["twice"], 1) & 0xFFFFFFFF == 48 + 56
    assert executor.process.call(found["letter"], 2, 1) & 0xFF == ord("w")
    for tracker in (second, first):
        tracker.remove()
    assert used(session) == 0
    main.add_object(cc(ADD, name="again"))
    assert executor.process.call(main.lookup(["add"])["add"], 0) & 0xFFFFFFFF == 47
    session.close()
    assert executor.ends == ["close"]


def test_links_of_what_the_platform_has_not_are_refused(cc: Compile, executor: Minimal, session: Session) -> None:
    """With an error that says what is missing; nothing of them stays, and the session goes on."""
    main = session.create_dylib("main")
    refused = {
        "local": ("_Thread_local int v = 1; int local(void) { return v++; }", "no thread-local storage"),
        "chosen": (
            (
                "static int a(void) { return 1; } static void *pick(void) { return a; }"
                'int f(void) __attribute__((ifunc("pick"))); int chosen(void) { return f(); }'
            ),
            "1 IFUNC resolvers",
        ),
        "lacking": ("extern int nobody; int lacking(void) { return nobody; }", "nobody"),
    }
    for name, (text, problem) in refused.items():
        tracker = main.add_object(cc(text, name=name))
        with pytest.raises(uruk.UrukError, match=problem):
            main.lookup([name])
        assert used(session) == 0
        tracker.remove()
    with pytest.raises(uruk.UrukError, match="no libraries"):
        main.add_shared_library("libm.so.6")
    with pytest.raises(uruk.UrukError, match="lazy functions"):
        main.add_object(cc("int later(void) { return 1; }", name="later"), lazy=True)
    main.add_object(cc(ADD, name="add"))
    assert executor.process.call(main.lookup(["add"])["add"], 0) & 0xFFFFFFFF == 47


def test_a_pretended_process_has_code_of_another_architecture(cc: Compile) -> None:
    """Nothing of it is asked for but its target; addresses are the memory's."""
    memory = FixedMemory(0x7_0000_0000, 1 << 20, 1 << 16)
    executor = Minimal(Pretended(), memory)
    session = Session(executor, BarePlatform(executor), Options(execute=False))
    main = session.create_dylib("main")
    main.add_object(cc("int f(int x) { return x + 42; } int g = 0x1234;", "-O1", family="aarch64-gcc", name="there"))
    found = main.lookup(["f", "g"])
    assert all(0x7_0000_0000 <= address < 0x7_0010_0000 for address in found.values())
    # add w0, w0, #42 and ret: AArch64 instructions are little-endian words
    words = np.frombuffer(memory.read(found["f"], 8), "<u4").tolist()
    assert [hex(word) for word in words] == ["0x1100a800", "0xd65f03c0"]
    assert memory.read(found["g"], 4) == b"\x34\x12\x00\x00"
    session.close()
    assert executor.ends == ["end within", "close"]
