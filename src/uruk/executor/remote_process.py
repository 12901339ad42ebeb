"""Another process as one that runs linked code, once the uruk runtime is in it; see runtime/common/remote.c."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import cast

from uruk.errors import ExecutorError, InvalidAddress
from uruk.executor import sps
from uruk.executor.connection import Bytes, Connection
from uruk.executor.control import Answer, Argument, Block, Memory
from uruk.executor.messages import LARGEST_READ
from uruk.isa.abi import convention_of

_CALL = struct.Struct("<QQIIIIQQ")
_ANSWER = struct.Struct("<12Q")
_CATCHES, _IN_X87 = 1 << 31, 1 << 30
_VECTORS = 8
"""Lower words of vector registers, in a call that has upper ones."""
_WORD = (1 << 64) - 1


class RemoteProcess:
    """See `uruk.executor.control.ProcessControl`."""

    is_here = False

    def __init__(self, connection: Connection, call_wrapper: int, read_wrapper: int) -> None:
        self.connection = connection
        self.triple = connection.setup.triple
        self.page_size = connection.setup.page_size
        self._call = call_wrapper
        self._read = read_wrapper
        self._write = connection.setup.symbols.get("__llvm_orc_bootstrap_mem_write_buffers_wrapper", 0)
        self.convention = convention_of(self.triple)
        self.raising: dict[int, BaseException | None] = {}
        """Numbers of calls that raise what their callbacks raise -> the first that has come."""
        self._left: dict[int, int] = {}
        """Numbers of calls that were interrupted here, and may go on there -> the addresses of the functions."""

    @property
    def deadline(self) -> float | None:
        """Seconds that a call may take; None: for ever."""
        return self.connection.deadline

    @deadline.setter
    def deadline(self, seconds: float | None) -> None:
        """See above."""
        self.connection.deadline = seconds

    def call(self, address: int, *arguments: Argument) -> int:
        """See `ProcessControl.call`."""
        return self.invoke(address, arguments).integers[0]

    def invoke(
        self,
        address: int,
        integers: Sequence[Memory],
        vectors: Sequence[int] = (),
        stack: Sequence[Memory] = (),
        result_place: Memory | None = None,
        *,
        wide: Sequence[int] = (),
        in_x87: bool = False,
        raises: bool = False,
    ) -> Answer:
        """Call a function with these registers and words on the stack; integers that find no register go there, too.

        `wide` are upper words of the vector registers. `result_place` is for a convention's own register with the place
        of a large result. `in_x87`: the result is in st0. `raises`: what Python functions raise that the function
        calls is raised when it returns, and a C++ exception that leaves it.
        """
        if wide:
            vectors = [*vectors, *[0] * (_VECTORS - len(vectors)), *wide]
        arguments, in_registers = self._arranged(integers, result_place)
        arguments += stack
        lent = _Lent(arguments)
        offsets, returned = lent.offsets, lent.returned
        words = [value & _WORD if isinstance(value, int) else offsets[row] for row, value in enumerate(arguments)]
        pointers = [*offsets, *(len(words) + offset for offset in lent.inner)]
        numbers = sps.u64(*words[:in_registers], *vectors, *words[in_registers:], *pointers)
        counts = in_registers, len(vectors), len(words) - in_registers, len(pointers)
        marked = counts[0] | _CATCHES * raises | _IN_X87 * in_x87, *counts[1:]
        answer = self._send(address & _WORD, (*marked, len(lent.piece), returned), (numbers, lent.piece), raises)
        # The runtime answers with less where it had no memory for the call.
        if len(answer) != _ANSWER.size + returned:
            raise ExecutorError(f"a call of {address:#x} was refused by the executor: it has no memory for it")
        lent.take_back(answer, _ANSWER.size)
        return self._read_answer(answer)

    def _arranged(self, integers: Sequence[Memory], result_place: Memory | None) -> tuple[list[Memory], int]:
        """Return the words of a call, and how many of them go to integer registers; the others go on the stack."""
        room = len(self.convention.integer_registers)
        arguments = list(integers)
        if result_place is not None:  # AAPCS64's x8, which comes behind the eight registers of arguments
            arguments[room:room] = [*[0] * (room - len(arguments)), result_place]
            room += 1
        return arguments, min(room, len(arguments))

    def _send(self, address: int, counts: tuple[int, ...], parts: tuple[Bytes, ...], raises: bool) -> bytes:
        """Send a call, with its number, address and `counts` in front of `parts`; return the answer to it."""
        numbered: list[int] = []

        def make(number: int) -> tuple[Bytes, ...]:
            if raises:
                numbered.append(number)
                self.raising[number] = None
            return _CALL.pack(number, address, *counts), *parts

        try:
            answer = self.connection.call_with(self._call, make, most=_ANSWER.size + counts[-1])
        except BaseException:
            if numbered and self.connection.is_pending(numbered[0]):
                self._left[numbered[0]] = address
            raise
        finally:
            raised = self.raising.pop(numbered[0], None) if numbered else None
        if raised is not None:
            raise raised
        return answer

    def _read_answer(self, answer: bytes) -> Answer:
        """Return the results of a call. Raises CppException for one that has left the function."""
        first, second, v0, v1, v2, v3, error, exception, *upper = _ANSWER.unpack_from(answer)
        if exception:
            from uruk.executor.cpp_exceptions import taken  # reads C++'s tables, which calls seldom need

            raise taken(self, exception, on_windows="windows" in self.triple)
        return Answer((_signed(first), _signed(second)), (v0, v1, v2, v3), error, tuple(upper))

    def left_in(self, ranges: Sequence[tuple[int, int]]) -> int:
        """Return how many calls go on in functions from `start` to `end`, for each pair of `ranges`, that were
        interrupted here."""
        for number in list(self._left):
            if not self.connection.is_pending(number):
                self._left.pop(number, None)
        return sum(start <= address < end for address in self._left.values() for start, end in ranges)

    def read(self, address: int, size: int) -> bytes:
        """See `ProcessControl.read`."""
        if not 0 <= size <= LARGEST_READ:
            raise ExecutorError(f"{size} bytes at {address:#x} are to be read: more than {LARGEST_READ} at a time")
        data = self.connection.call(self._read, sps.u64(address, size), most=size)
        if len(data) != size:
            raise InvalidAddress(address, size, "read")
        return data

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """See `ProcessControl.write`."""
        self.write_many([(address, data)])

    def write_many(self, writes: Sequence[tuple[int, Bytes]]) -> None:
        """Store several writes, one message for all; see `ProcessControl.write_many`."""
        if not self._write:
            raise ExecutorError("the executor has no service that writes memory")
        parts: list[Bytes] = [sps.u64(len(writes))]
        for address, data in writes:
            view = memoryview(data).cast("B")
            parts += [sps.u64(address, view.nbytes), view]
        self.connection.call(self._write, *parts)


class _Lent:
    """The memory that a call lends, as one piece: what the function may write lies first, as only that comes back."""

    def __init__(self, arguments: Sequence[Memory]) -> None:
        self.offsets: dict[int, int] = {}
        """Rows of arguments -> where their memory is in the piece."""
        self.inner: list[int] = []
        """Offsets of words in the piece that are offsets of other memory in it."""
        self.piece = bytearray()
        self.returned = 0
        """Bytes at the start of the piece that come back."""
        self.written: list[tuple[int, bytearray | memoryview]] = []
        """Offsets of what is written back, and where to."""
        self._known: dict[tuple[int, int], tuple[int, object]] = {}
        lent = [(row, value) for row, value in enumerate(arguments) if not isinstance(value, int)]
        for row, value in lent:
            if isinstance(value, bytearray) or (isinstance(value, memoryview) and not value.readonly):
                self.offsets[row] = at = self._add(value)
                self.written.append((at, value))
                self.returned = len(self.piece)
        for row, value in lent:
            if row not in self.offsets:
                self.offsets[row] = self._add(value)

    def _add(self, value: Memory) -> int:
        """Add memory and all that pointers in it point to; returns its offset."""
        data = value.data if isinstance(value, Block) else cast("bytes | bytearray | memoryview", value)
        key = _address(value) if isinstance(value, memoryview) else id(value), len(data)
        if key in self._known:  # the same memory given twice is one memory there, too
            return self._known[key][0]
        at = len(self.piece)
        self._known[key] = at, value  # which keeps it: no other object may have its number
        self.piece += data
        self.piece += bytes(-len(self.piece) % 16)  # each begins aligned for any type
        for offset, memory in value.pointers if isinstance(value, Block) else ():
            inner = self._add(memory + b"\0" if isinstance(memory, bytes) else memory)
            self.piece[at + offset : at + offset + 8] = inner.to_bytes(8, "little")
            self.inner.append(at + offset)
        return at

    def take_back(self, answer: bytes, start: int) -> None:
        """Store what the function has written; its memory begins at `start` of an answer."""
        for offset, place in self.written:
            place[:] = answer[start + offset : start + offset + len(place)]


def _address(view: memoryview) -> int:
    import numpy as np  # its module is loaded where linked code runs

    return int(np.frombuffer(view, np.uint8).__array_interface__["data"][0])


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
