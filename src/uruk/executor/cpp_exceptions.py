"""C++ exceptions that left a function in another process: their types and texts, read from its memory.

The layouts are those of the Itanium C++ ABI (exception handling, 2.2; type information, 2.9.5), which libstdc++ and
libc++abi share on 64-bit machines. Exceptions of Microsoft's C++ are described there. Whatever cannot be read is left
out: the exception is one all the same.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Protocol

from uruk.demangle import demangle
from uruk.errors import CppException, InvalidAddress
from uruk.executor.control import Argument
from uruk.executor.microsoft_exceptions import DESCRIBED, described_there

_HEADER = 80
"""Bytes from the C++ header of an exception, whose first word is its type, to that of the unwinder."""
_UNWINDERS, _UNWINDERS_ON_WINDOWS = 32, 64
"""Bytes of the unwinder's header, behind which the object lies that was thrown."""
_PRIMARY = {b"++CCUNG": _HEADER, b"++CGNLC": _HEADER + 8}
"""The upper bytes of the class of an exception (GNUC C++, CLNG C++) -> where, before the header of the unwinder, one of
std::rethrow_exception has the address of the object."""
_SINGLE, _SEVERAL = b"N10__cxxabiv120__si_class_type_infoE", b"N10__cxxabiv121__vmi_class_type_infoE"
_MOST = 4096
_DEEPEST = 64
_FOREIGN_CAUGHT = 1


class Process(Protocol):
    """The process where an exception is."""

    def read(self, address: int, size: int) -> bytes:
        """See `ProcessControl.read`; what is not there is an InvalidAddress."""
        ...

    def call(self, address: int, *arguments: Argument) -> int:
        """See `ProcessControl.call`."""
        ...


def taken(process: Process, exception: int, *, on_windows: bool = False) -> CppException:
    """Return an exception, by the address of its unwinder's header; its object is destroyed there."""
    kind, what = "an exception of another language than C++", ""
    with suppress(InvalidAddress):
        kind, what = _described(process, exception, _UNWINDERS_ON_WINDOWS if on_windows else _UNWINDERS)
    with suppress(InvalidAddress):
        release = _word(process, exception + 8)
        if release:
            process.call(release, _FOREIGN_CAUGHT, exception)
    return CppException(kind, what)


def _described(process: Process, exception: int, header: int) -> tuple[str, str]:
    mark = process.read(exception, 8)
    if mark == DESCRIBED:
        return described_there(partial(_text, process), exception)
    if mark[1:] not in _PRIMARY:
        return f"an exception of class {mark[::-1].rstrip(bytes(1))!r}", ""
    thrown = exception + header
    if mark[0]:  # of std::rethrow_exception, with a header of its own
        thrown = _word(process, exception - _PRIMARY[mark[1:]])
    kind = _word(process, thrown - header - _HEADER)
    name = _name(process, kind).decode("utf-8", "replace")
    base = _standard(process, kind, thrown, 0)
    what = ""
    if base is not None:
        function = _word(process, _word(process, base) + 16)  # after the two destructors
        what = _text(process, process.call(function, base) & ((1 << 64) - 1)).decode("utf-8", "replace")
    return demangle(f"_ZTI{name}").removeprefix("typeinfo for "), what


def _standard(process: Process, kind: int, place: int, depth: int) -> int | None:
    """Return the address of the `std::exception` in an object of a type, None where there is none."""
    if depth > _DEEPEST:
        return None
    if _name(process, kind) == b"St9exception":
        return place
    shape = _name(process, _word(process, _word(process, kind) - 8))  # the type of the type's description
    if shape == _SINGLE:
        return _standard(process, _word(process, kind + 16), place, depth + 1)
    if shape != _SEVERAL:
        return None
    count = int.from_bytes(process.read(kind + 20, 4), "little")
    for number in range(min(count, _DEEPEST)):
        base, offset = _word(process, kind + 24 + 16 * number), _signed(process, kind + 32 + 16 * number)
        where = offset >> 8
        if offset & 1:  # a virtual base, whose offset stands in the object's own table
            where = _signed(process, _word(process, place) + where)
        found = _standard(process, base, place + where, depth + 1)
        if found is not None:
            return found
    return None


def _word(process: Process, address: int) -> int:
    return int.from_bytes(process.read(address, 8), "little")


def _signed(process: Process, address: int) -> int:
    return int.from_bytes(process.read(address, 8), "little", signed=True)


def _name(process: Process, kind: int) -> bytes:
    return _text(process, _word(process, kind + 8)).lstrip(b"*")


def _text(process: Process, address: int) -> bytes:
    """Return the string at an address, or its first part where it is longer than any name."""
    data = bytearray()
    while len(data) < _MOST and b"\0" not in data:
        start = address + len(data)
        data += process.read(start, 256 - start % 256)
    return bytes(data).partition(b"\0")[0]
