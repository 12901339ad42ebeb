"""A program of Windows in a process of its own, under wine."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from subprocess import list2cmdline
from typing import TYPE_CHECKING

from uruk.errors import AllocationError, ExecutorError, LibraryNotFound
from uruk.executor import answers
from uruk.lljit import LLJIT
from uruk.memory.manager import DEFAULT_SLAB
from uruk.program.windows.shared_gcc import shared_gcc
from uruk.spawning import connect, spawn

if TYPE_CHECKING:
    from uruk.program.settings import Settings

CRT = "msvcrt.dll"
"""The C runtime of MinGW's programs."""
_DEFAULT_LIBRARIES = (
    "mingw32",
    "gcc",
    "gcc_eh",
    "moldname",
    "mingwex",
    "msvcrt",
    "pthread",
    "advapi32",
    "shell32",
    "user32",
)
"""The libraries that gcc's driver for MinGW-w64 adds to a C program (``gcc -###``); each process has kernel32."""


class ProgramInWindows:
    """See `uruk.program.interface.Place`. Raises ExecutorError where there is no process."""

    def __init__(self, settings: Settings) -> None:
        shared, slab = settings.shared_memory, settings.slab or DEFAULT_SLAB
        if settings.given_executor is not None:
            self.executor = settings.given_executor
        elif settings.connect:
            host, port = settings.connect
            self.executor = connect(host, port, secret=settings.secret, shared_memory=bool(shared), slab_size=slab)
        else:
            self.executor = spawn(
                executor=settings.executor or None,
                launcher=settings.launcher or None,
                target=settings.target,
                shared_memory=shared is not False,
                slab_size=slab,
                environment=None if settings.environment is None else dict(settings.environment),
                streams=settings.streams,
            )
        self._adds_libraries = settings.plan.default_libraries
        self._argc = self._argv = 0

    def prepare(self, jit: LLJIT, words: Sequence[str]) -> None:
        """See `Place.prepare`: argv, the C runtime, and libraries that a driver adds behind all inputs."""
        texts = [os.fsencode(word) + b"\0" for word in words]
        strings = b"".join(texts)
        place = self._keep(strings + bytes(-len(strings) % 8))
        starts = [place + sum(map(len, texts[:row])) for row in range(len(texts))]
        self._argc, self._argv = len(words), self._keep(struct.pack(f"<{len(starts) + 1}Q", *starts, 0))
        self._set_command_line(list2cmdline(words))
        libraries = self.executor.libraries
        handle = libraries.load(CRT)
        functions = [libraries.find_symbol(handle, name)[0] for name in (b"_onexit", b"exit", b"_environ")]
        self.executor.runtime.call(b"uruk_rt_set_crt", *functions)
        for name in (*shared_gcc(jit), *_DEFAULT_LIBRARIES) if self._adds_libraries else ():
            with suppress(LibraryNotFound):
                jit.add_library(name)

    def _set_command_line(self, line: str) -> None:
        """Let the program's code find its own words in the process's command line, as Rust's library does."""
        texts = [line.encode("utf-8", "surrogateescape"), line.encode("utf-16-le", "surrogatepass")]
        places = [self._keep(text + bytes(8 - len(text) % 8)) for text in texts]
        self.executor.runtime.call(b"uruk_rt_set_command_line", *places)

    def _keep(self, data: bytes) -> int:
        """Return the address of a copy of whole words there."""
        kept = self.executor.runtime.call(b"uruk_rt_keep_words", data, len(data) // 8)
        address = answers.address(kept, "the program's arguments", len(data))
        if not address:
            raise AllocationError("the executor has no memory for the program's arguments")
        return address

    def run(self, jit: LLJIT, entry: int) -> int:
        """See `Place.run`; Windows's exit status has 32 bits, of which wine gives 8."""
        child = self.executor.child
        if child is None:
            raise ExecutorError(
                "a program of Windows runs in an executor that is started for it, not in one that listens"
            )
        self.executor.run_program(entry, self._argc, self._argv)
        status = child.wait()
        self.executor.connection.listener.join(1.0)  # it reads what the process said of a crash
        return status
