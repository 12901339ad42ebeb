"""The words at the bottom of the stack when a process starts: argc, argv, the environment, the auxiliary vector.

System V ABI, AMD64 supplement, 3.4.1 "Initial Stack and Register State". Programs rely on the order: Go's runtime and
others step over the environment to the auxiliary vector, and those that change their title take the strings of argv
and of the environment for one piece of memory.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from itertools import accumulate

AT_NULL = bytes(16)


class InitialStack:
    """A copy of such a stack's bottom; it lasts as long as the object. `argv` and `envp` are addresses."""

    def __init__(self, arguments: Sequence[bytes], environment: Sequence[bytes]) -> None:
        auxiliary = auxiliary_vector()
        texts = [text + b"\0" for text in (*arguments, *environment)]
        words = 1 + len(arguments) + 1 + len(environment) + 1
        strings = 8 * words + len(auxiliary)
        ends = list(accumulate(map(len, texts)))
        self._memory = ctypes.create_string_buffer(strings + (ends[-1] if ends else 0) + 8)
        base = -(-ctypes.addressof(self._memory) // 8) * 8
        places = [base + strings + end - len(text) for end, text in zip(ends, texts, strict=True)]
        count = len(arguments)
        pointers = [count, *places[:count], 0, *places[count:], 0]
        block = b"".join([*(word.to_bytes(8, "little") for word in pointers), auxiliary, *texts])
        ctypes.memmove(base, block, len(block))
        self.argc = count
        self.argv = base + 8
        self.envp = base + 8 * (1 + count + 1)
        self.name = places[0] if arguments else 0
        """Address of the program's name, argv[0]; 0 where there are no arguments."""


def auxiliary_vector() -> bytes:
    """Return this process's own auxiliary vector, AT_NULL included; only AT_NULL where /proc does not show it."""
    try:
        with open("/proc/self/auxv", "rb") as file:
            content = file.read()
    except OSError:
        return AT_NULL
    return content if content.endswith(AT_NULL) and len(content) % 16 == 0 else AT_NULL
