"""Another process as one that runs linked code, once the uruk runtime is in it; see runtime/common/remote.c."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from uruk.errors import ExecutorError, InvalidAddress
from uruk.executor import sps
from uruk.executor.connection import Bytes, Connection
from uruk.executor.control import Answer, Argument
from uruk.executor.messages import LARGEST_READ
from uruk.isa.abi import convention_of

_CALL = struct.Struct("<QQIIIIQQ")
_ANSWER = struct.Struct("<7Q")
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
        integers: Sequence[Argument],
        vectors: Sequence[int] = (),
        stack: Sequence[Argument] = (),
        result_place: Argument | None = None,
    ) -> Answer:
        """Call a function with these registers and words on the stack; integers that find no register go there, too.

        `result_place` is for a convention's own register with the place of a large result.
        """
        room = len(self.convention.integer_registers)
        arguments = list(integers)
        if result_place is not None:  # it comes behind eight integer registers
            arguments[room:room] = [*[0] * (room - len(arguments)), result_place]
            room += 1
        in_registers = min(room, len(arguments))
        arguments += stack
        offsets, lent, returned = _lend(arguments)
        words = [value & _WORD if isinstance(value, int) else offsets[row] for row, value in enumerate(arguments)]
        numbers = sps.u64(*words[:in_registers], *vectors, *words[in_registers:], *offsets)
        counts = in_registers, len(vectors), len(words) - in_registers, len(offsets)

        def make(number: int) -> tuple[Bytes, ...]:
            return _CALL.pack(number, address & _WORD, *counts, len(lent), returned), numbers, lent

        # The runtime answers with less where it had no memory for the call; all else has this size.
        answer = self.connection.call_with(self._call, make, most=_ANSWER.size + returned)
        if len(answer) != _ANSWER.size + returned:
            raise ExecutorError(f"a call of {address:#x} was refused by the executor: it has no memory for it")
        for row, offset in offsets.items():
            value = arguments[row]
            if isinstance(value, bytearray):
                start = _ANSWER.size + offset
                value[:] = answer[start : start + len(value)]
        first, second, v0, v1, v2, v3, error = _ANSWER.unpack_from(answer)
        return Answer((_signed(first), _signed(second)), (v0, v1, v2, v3), error)

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


def _lend(arguments: Sequence[Argument]) -> tuple[dict[int, int], bytearray, int]:
    """Return the bytes that a call lends, as one piece.

    The dictionary has, for each argument's row, the offset of its bytes in the piece. The number says how many bytes at
    the piece's start come back.
    """
    offsets: dict[int, int] = {}
    piece = bytearray()
    returned = 0
    lent = [(row, value) for row, value in enumerate(arguments) if not isinstance(value, int)]
    if not lent:
        return offsets, piece, 0
    # what the function may write lies first, as only the start comes back
    for row, value in sorted(lent, key=lambda pair: isinstance(pair[1], bytes)):
        offsets[row] = len(piece)
        piece += value + bytes(-len(value) % 16)  # each begins aligned for any type
        if isinstance(value, bytearray):
            returned = len(piece)
    return offsets, piece, returned


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
