"""The services of every executor of LLVM's protocol at its start, uruk's own included: memory, libraries, running code.

uruk uses these to bring its runtime into the executor; from then on, the runtime's own functions. Signatures and
behaviour are those of LLVM 19's OrcTargetProcess.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from uruk.errors import ExecutorError, ProtocolError
from uruk.executor import answers, sps
from uruk.executor.connection import Connection
from uruk.graph.types import U8
from uruk.memory.mapper import Protection
from uruk.records import record

_MEMORY = "__llvm_orc_SimpleExecutorMemoryManager_"
_LIBRARIES = "__llvm_orc_SimpleExecutorDylibManager_"
_BOOT = "__llvm_orc_bootstrap_"
FIRST_CALL = 30.0
"""Seconds that a call of these services may take."""


@record
class Part:
    """A part of an allocation: `size` bytes from `offset` on, whole pages, with one protection."""

    offset: int
    size: int
    protection: Protection


class Services:
    """The services of one executor."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._symbols = connection.setup.symbols

    def address(self, name: str) -> int:
        """Return the address of a bootstrap symbol. Raises ExecutorError if the executor does not have it."""
        try:
            return self._symbols[name]
        except KeyError:
            raise ExecutorError(f"the executor has no service {name}") from None

    def has(self, name: str) -> bool:
        """Return True if the executor has a bootstrap symbol."""
        return name in self._symbols

    def _ask(self, name: str, *parts: bytes | memoryview) -> sps.Reader:
        return sps.Reader(self.connection.call(self.address(name), *parts, deadline=FIRST_CALL), name)

    # -- memory

    def reserve(self, size: int) -> int:
        """Reserve memory, to be filled by `finalize`; returns its address."""
        answer = self._ask(_MEMORY + "reserve_wrapper", sps.u64(self.address(_MEMORY + "Instance"), size))
        answer.expect_value()
        base = answers.address(answer.u64(), "reserved memory", size, self.connection.setup.page_size)
        if not base:
            raise ExecutorError(f"the executor reserved {size:#x} bytes at address 0")
        return base

    def finalize(self, base: int, image: U8, parts: Sequence[Part]) -> None:
        """Fill reserved memory and protect it. `image` has its bytes; the first part begins at offset 0."""
        pieces: list[bytes | memoryview] = [sps.u64(self.address(_MEMORY + "Instance"), len(parts))]
        for part in parts:
            content = image[part.offset : part.offset + part.size]
            # Reserved memory is zero: what ends in zeros is sent without them.
            used = np.flatnonzero(content)
            stored = int(used[-1]) + 1 if used.size else 0
            pieces.append(bytes([int(part.protection)]) + sps.u64(base + part.offset, part.size, stored))
            pieces.append(memoryview(content[:stored]))
        # No actions of allocation follow.
        pieces.append(sps.u64(0))
        self._ask(_MEMORY + "finalize_wrapper", *pieces).expect_success()

    # -- libraries and code

    def open_library(self, path: str) -> int:
        """dlopen; the process itself for the empty path."""
        answer = self._ask(
            _LIBRARIES + "open_wrapper",
            sps.u64(self.address(_LIBRARIES + "Instance")) + sps.string(os.fsencode(path)) + sps.u64(0),
        )
        answer.expect_value()
        return answer.u64()

    def find_symbols(self, handle: int, names: Sequence[bytes]) -> list[int]:
        """Return addresses of names in a library and what it depends on; 0 for those that it does not have."""
        elements = b"".join(sps.string(name) + b"\0" for name in names)
        request = sps.u64(self.address(_LIBRARIES + "Instance"), handle, len(names)) + elements
        answer = self._ask(_LIBRARIES + "lookup_wrapper", request)
        answer.expect_value()
        count = answer.count(10)
        if count != len(names):
            raise ProtocolError(f"the executor was asked for {len(names)} symbols, and answered {count}")
        addresses: list[int] = []
        for name in names:
            addresses.append(answers.address(answer.u64(), f"the symbol {name.decode('utf-8', 'replace')}"))
            # The flags of the symbol, which LLVM's service leaves empty.
            answer.bytes(2)
        return addresses
