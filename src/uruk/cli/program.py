"""The program of ``uruk run``: inputs in command-line order, linked as one tracker, run as a fresh process would."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from typing import TYPE_CHECKING

from uruk.errors import ObjectFormatError
from uruk.formats.elf import Span
from uruk.graph.arena import ALIGN, TAIL, Arena
from uruk.lljit import LLJIT
from uruk.memory.manager import DEFAULT_SLAB
from uruk.orc.session import Options
from uruk.platforms.elf import environment_at_start
from uruk.platforms.elf_runtime import process_runtime

if TYPE_CHECKING:
    from uruk.cli.run import Arguments

_ARCHIVES = (b"!<arch>\n", b"!<thin>\n")


class Program:
    """Links the inputs of a command line, and runs them."""

    def __init__(self, arguments: Arguments) -> None:
        self.arguments = arguments
        self.jit = LLJIT(
            slab_size=arguments.slab or DEFAULT_SLAB,
            options=Options(
                phony_externals=arguments.phony, prune=arguments.prune, execute=arguments.execute
            ),
        )
        self.jit.libraries_for_everybody = True
        self.times: list[tuple[str, float]] = []
        self._keep: list[object] = []
        self._entry = 0

    def link(self) -> None:
        """Link everything that the entry needs; initialisers run."""
        begin = time.perf_counter()
        for directory in self.arguments.directories:
            self.jit.add_search_directory(directory)
        for name, address in self.arguments.defines:
            self.jit.define(name, address)
        self._add_inputs()
        added = time.perf_counter()
        if self.arguments.execute:
            self._fresh_process()
        named = self.arguments.entry
        if named and not self.arguments.execute:
            self._entry = self.jit.lookup(named).address
        else:
            self._entry = self.jit.lookup_program(named or "main").address
        passes = self.jit.session.times
        total = time.perf_counter() - added
        self.times = [
            ("read, parse", added - begin),
            *passes,
            ("lookup", total - sum(seconds for _, seconds in passes)),
        ]

    def _add_inputs(self) -> None:
        """Add inputs in order; objects that follow each other are read as one batch, all in one tracker."""
        session = self.jit.session
        tracker = session.create_tracker("program")
        objects: list[str] = []
        for kind, value in [*self.arguments.inputs, ("end", "")]:
            if kind == "input" and _is_object(value):
                objects.append(value)
                continue
            if objects:
                arena, spans = read_files(objects)
                graph = session.parse_arena(arena, spans, check_relocations=False)
                self.jit.main.add_graph(graph, tracker, roots=True)
                objects = []
            if kind != "end":
                self.jit.add_library(value if kind == "library" else os.path.join(".", value))

    def _fresh_process(self) -> None:
        """What a process has before main() that an interpreter changed: signals, locale, environment; and argv."""
        sys.stdout.flush()
        sys.stderr.flush()
        runtime = process_runtime()
        name = os.fsencode(self.arguments.inputs[0][1])
        argv = self._strings([name, *map(os.fsencode, self.arguments.program)])
        envp = self._strings(environment_at_start())
        runtime.call(b"uruk_rt_set_environ", envp)
        runtime.call(b"uruk_rt_set_program_name", ctypes.c_uint64.from_address(argv).value)
        runtime.call(b"uruk_rt_fresh_process")
        program = self.jit.platform.program
        program.argc, program.argv, program.envp = 1 + len(self.arguments.program), argv, envp

    def _strings(self, texts: list[bytes]) -> int:
        """A NULL-terminated array of C strings, kept for the life of the process; returns its address."""
        array = (ctypes.c_char_p * (len(texts) + 1))(*texts, None)
        self._keep.append(array)
        return ctypes.addressof(array)

    def run(self) -> int:
        """Call main() and leave the process as its return does: exit(main(argc, argv, envp))."""
        program = self.jit.platform.program
        runtime = process_runtime()
        runtime.call(b"uruk_rt_exit_main", self._entry, program.argc, program.argv, program.envp)
        return 0


def _is_object(path: str) -> bool:
    """Whether an input is a relocatable object; anything else is for the library search to tell."""
    try:
        with open(path, "rb") as file:
            head = file.read(18)
    except OSError as error:
        raise ObjectFormatError(path, "file", error.strerror or str(error)) from error
    return head[:4] != b"\x7fELF" and head[:8] not in _ARCHIVES or head[16:18] == b"\1\0"


def read_files(paths: list[str]) -> tuple[Arena, list[Span]]:
    """Read files into one buffer, each at a multiple of 16 bytes."""
    import numpy as np

    handles: list[int] = []
    spans: list[Span] = []
    try:
        end = 0
        for path in paths:
            handles.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
            size = os.fstat(handles[-1]).st_size
            spans.append(Span(path, end, size))
            end += -(-size // ALIGN) * ALIGN
        buffer = np.empty(end + TAIL, np.uint8)
        view = memoryview(buffer)
        for handle, span in zip(handles, spans, strict=True):
            got = os.preadv(handle, [view[span.start : span.start + span.size]], 0)
            if got != span.size:
                raise ObjectFormatError(span.file, "file", f"{got} of {span.size} bytes read")
            view[span.start + span.size : -(-(span.start + span.size) // ALIGN) * ALIGN] = bytes(-span.size % ALIGN)
        view[end:] = bytes(TAIL)
    except OSError as error:
        raise ObjectFormatError(paths[len(spans)], "file", error.strerror or str(error)) from error
    finally:
        for handle in handles:
            os.close(handle)
    return Arena([buffer]), spans
