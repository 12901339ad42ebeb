"""Memory at any address: read, written, as text and as arrays; the same in every process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from places import PLACES, compiled, session

import uruk
from uruk.memory.linux import checked

SOURCE = r"""
int values[4] = {1, 2, 3, 4};
const int constant[2] = {5, 6};
char text[] = "na\xc3\xafve", open_end[8] = "abcdefg";
int sum(void) { return values[0] + values[1] + values[2] + values[3]; }
"""


@pytest.fixture(scope="module", params=PLACES)
def jit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[uruk.LLJIT]:
    if request.param == "windows":
        request.getfixturevalue("wine")
    with session(request.param) as one:
        one.add_object(compiled(request.param, tmp_path_factory.mktemp("data"), SOURCE))
        yield one


def test_bytes_and_texts(jit: uruk.LLJIT) -> None:
    values = jit.lookup("values")
    total = jit.lookup("sum").function("int(void)")
    jit.write(values, np.array([1, 2, 3, 4], np.int32))
    assert jit.read(values, 8) == b"\1\0\0\0\2\0\0\0"
    jit.write(values.address + 4, (1000).to_bytes(4, "little"))
    assert total() == 1008
    assert jit.read(values, 0) == b""
    assert jit.string(jit.lookup("text")) == "na\u00efve"
    with pytest.raises(UnicodeDecodeError):
        jit.string(jit.lookup("text"), "ascii")
    with pytest.raises(uruk.InvalidValue, match="does not end within 7 bytes"):
        jit.string(jit.lookup("open_end"), most=7)


REFUSED: list[tuple[str, tuple[Any, ...], type[uruk.UrukError], str]] = [
    ("read", (1 << 50,), uruk.InvalidAddress, f"{1 << 50} bytes at 0x[0-9a-f]+ cannot be read"),
    ("read", (1 << 35,), uruk.InvalidAddress, f"{1 << 35} bytes at"),
    ("read", (1 << 70,), uruk.InvalidAddress, f"{1 << 70} bytes at"),
    ("read", ("x",), uruk.InvalidType, "size is a number of bytes, not str"),
    ("read", (-1,), uruk.InvalidValue, "-1 is negative"),
    ("write", (5,), uruk.InvalidType, "int has no bytes to store"),
    ("write", ("text",), uruk.InvalidType, "str has no bytes to store"),
    ("array", ("x",), uruk.InvalidType, "a shape is a number, or a tuple of numbers, and 'x' is neither"),
    ("array", (1.5,), uruk.InvalidType, "1.5 is neither"),
    ("array", (None,), uruk.InvalidType, "None is neither"),
    ("array", ((2, "x"),), uruk.InvalidType, "is neither"),
    ("array", (4, "bogus"), uruk.InvalidType, "'bogus' is no dtype of numpy's"),
    ("array", (4, "V0"), uruk.InvalidType, "'V0' is a dtype without a size"),
    ("array", (1 << 50,), uruk.InvalidAddress, f"{1 << 50} bytes at"),
    ("array", ((1 << 40, 1 << 40),), uruk.InvalidAddress, f"{1 << 80} bytes at"),
]


def test_what_is_no_size_shape_or_content_is_an_error_in_terms_of_uruk(jit: uruk.LLJIT) -> None:
    values = jit.lookup("values")
    for method, given, kind, text in REFUSED:
        with pytest.raises(kind, match=text):
            getattr(jit, method)(values, *given)
    with pytest.raises(uruk.InvalidType, match="most is a number of bytes, not str"):
        jit.string(values, most="x")  # pyright: ignore[reportArgumentType]
    with pytest.raises(uruk.InvalidType, match="5 is neither a text of C nor the path of a header"):
        jit.cdef(5)  # pyright: ignore[reportArgumentType]
    with pytest.raises(uruk.InvalidType, match="5 is no C prototype"):
        jit.callback(5, abs)  # pyright: ignore[reportArgumentType]
    jit.write(values, np.arange(16, dtype=np.int8).reshape(4, 4)[:, 1])  # not contiguous: its items in order
    assert jit.read(values, 4) == b"\x01\x05\x09\x0d"


def test_an_array_is_the_memory_or_read_only(jit: uruk.LLJIT) -> None:
    address = jit.lookup("values")
    jit.write(address, np.array([1, 2, 3, 4], np.int32))
    values = jit.array(address, (2, 2), np.int32)
    assert values.tolist() == [[1, 2], [3, 4]]
    is_live = jit.executor.process.is_here or jit.executor.shares_memory
    assert values.flags.writeable == is_live
    if is_live:
        values[1, 1] = 10
        assert jit.lookup("sum").function("int(void)")() == 16
    else:
        with pytest.raises(ValueError, match="read-only"):
            values[0, 0] = 5
    assert not jit.array(0x10, (0, 5), np.int32).size
    with pytest.raises(uruk.InvalidType, match="no Python objects"):
        jit.array(address, 1, object)


def test_a_wrong_address_is_an_exception(jit: uruk.LLJIT) -> None:
    """Whatever is done with it, the process is there afterwards."""
    constant = jit.lookup("constant")
    wrong = [
        (lambda: jit.read(0x10, 8), 0x10, 8, "read"),
        (lambda: jit.read((1 << 64) - 8, 8), (1 << 64) - 8, 8, "read"),
        (lambda: jit.read((1 << 64) - 8, 16), (1 << 64) - 8, 16, "read"),
        (lambda: jit.write(0x10, b"12"), 0x10, 2, "written"),
        (lambda: jit.write(constant, b"1234"), constant.address, 4, "written"),
        (lambda: jit.array(0x10, 4, "u1"), 0x10, None, "read"),
        (lambda: jit.string(0x20), 0x20, None, "read"),
    ]
    for access, address, size, done in wrong:
        with pytest.raises(uruk.InvalidAddress, match=f"{address:#x} cannot be {done}") as caught:
            access()
        assert caught.value.address == address
        assert size in (None, caught.value.size)
    for number in (-1, 1 << 64):
        with pytest.raises(uruk.InvalidValue, match="out of range"):
            jit.read(number, 1)
    with pytest.raises(uruk.InvalidValue):
        jit.read(constant, -1)
    assert jit.read(constant, 8) == b"\5\0\0\0\6\0\0\0"


def test_reads_of_many_threads(jit: uruk.LLJIT) -> None:
    """Wrong addresses of one thread are none of another's."""
    values = jit.lookup("constant")
    wrong: list[object] = []

    def work(bad: bool) -> None:
        for _ in range(50):
            try:
                data = jit.read(0x10 if bad else values, 8)
            except uruk.InvalidAddress:
                data = b""
            if data != (b"" if bad else b"\5\0\0\0\6\0\0\0"):
                wrong.append(data)

    threads = [threading.Thread(target=work, args=(bool(at % 2),)) for at in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert not wrong


def test_a_symbol_of_another_process() -> None:
    with session("here") as here, session("shared") as there:
        here.define("nine", 9)
        with pytest.raises(uruk.InvalidValue, match="nine is a symbol of another process"):
            there.read(here.lookup("nine"), 1)


def test_without_the_system_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where process_vm_readv is refused the bytes go through a pipe."""
    monkeypatch.setattr(checked, "_readv", lambda *_: -1)
    data = bytes(range(256)) * 100
    place = bytearray(len(data))
    address = np.frombuffer(place, np.uint8).ctypes.data
    assert checked.store(address, data)
    assert place == data
    assert checked.load(address, len(data)) == data
    assert checked.load(0x10, 8) is None
    assert not checked.store(0x10, b"1")


def test_only_linked_code_has_no_memory() -> None:
    memory = uruk.FixedMemory(0x10000, 1 << 20)
    with (
        uruk.LLJIT(memory=memory, options=uruk.Options(execute=False)) as jit,
        pytest.raises(uruk.InvalidValue, match="only links"),
    ):
        jit.read(0x1000, 1)


def test_a_released_callback_is_used_again(jit: uruk.LLJIT) -> None:
    """Its address is another function's once 64 later ones were released; a second release releases nothing."""
    first = jit.callback("int(int)", lambda x: x + 1)
    address = first.address
    first.release()
    others: list[int] = []
    while address not in others:
        others.append((last := jit.callback("int(int)", lambda x: x + 2)).address)
        if others[-1] != address:
            last.release()
    assert 64 <= len(others) <= 256
    first.release()
    call = uruk.Symbol("last", address, jit.lookup("sum").executor).function("int(int)")
    assert call(40) == 42


def test_a_call_of_a_released_callback_is_an_error(jit: uruk.LLJIT) -> None:
    released = jit.callback("int(int)", abs)
    released.release()
    call = uruk.Symbol("released", released.address, jit.lookup("sum").executor).function("int(int)")
    with pytest.raises(uruk.ReleasedCallback, match=r"the callback of abs, which was released: jit.callback\(\) makes"):
        call(40)


def test_a_callback_is_a_function(jit: uruk.LLJIT) -> None:
    with pytest.raises(uruk.InvalidType, match=r"5 is not callable, so that it is no callback of `int\(int\)'"):
        jit.callback("int(int)", 5)  # type: ignore[arg-type]
