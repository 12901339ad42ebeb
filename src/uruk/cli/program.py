"""The program of ``uruk run``: inputs in command-line order, linked as one tracker, run as a fresh process would."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from uruk.cli.initial_stack import InitialStack
from uruk.cli.reading import Objects, Other, Reader
from uruk.cli.tunables import as_it_was, can_start_again
from uruk.formats.elf_sections import Span
from uruk.graph.arena import Arena
from uruk.lljit import LLJIT
from uruk.memory.manager import DEFAULT_SLAB
from uruk.orc.session import Options
from uruk.platforms.elf import environment_at_start
from uruk.platforms.elf_runtime import process_runtime

if TYPE_CHECKING:
    from uruk.cli.arguments import Arguments


class Program:
    """Links the inputs of a command line, and runs them."""

    def __init__(self, arguments: Arguments, reader: Reader) -> None:
        self.arguments = arguments
        self._reader = reader
        self.jit = LLJIT(
            slab_size=arguments.slab or DEFAULT_SLAB,
            options=Options(phony_externals=arguments.phony, prune=arguments.prune, execute=arguments.execute),
        )
        self.jit.libraries_for_everybody = True
        if arguments.dumps:
            from uruk.cli.dump_graph import register

            register(self.jit.session.hooks, arguments.dumps)
        self.times: list[tuple[str, float]] = []
        self._stack: InitialStack | None = None
        self._entry = 0

    def link(self) -> None:
        """Link everything that the entry needs; initialisers run."""
        begin = time.perf_counter()
        inputs = self._inputs()
        waited = time.perf_counter() - begin
        for directory in self.arguments.directories:
            self.jit.add_search_directory(directory)
        for name, address in self.arguments.defines:
            self.jit.define(name, address)
        self._add_inputs(inputs)
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
        compilation = self._reader.compilation
        self.times = [
            *([("compile", compilation.seconds)] if compilation else []),
            ("read, parse", added - begin - (waited if compilation else 0)),
            *passes,
            ("lookup", total - sum(seconds for _, seconds in passes)),
        ]

    def _inputs(self) -> list[Objects | Other]:
        """The inputs, when they are read and compiled. Warnings go where a compiler prints them; once."""
        try:
            return self._reader.result()
        finally:
            if self._reader.compilation is not None and can_start_again():
                sys.stderr.write(self._reader.compilation.warnings)

    def _add_inputs(self, inputs: list[Objects | Other]) -> None:
        """Add inputs in order; objects that follow each other are one batch, and all objects one tracker's."""
        session, main = self.jit.session, self.jit.main
        tracker = main.create_tracker("program")
        for item in inputs:
            if isinstance(item, Objects):
                arena = Arena([np.frombuffer(item.buffer, np.uint8)])
                spans = [Span(*one) for one in zip(item.files, item.starts, item.sizes, strict=True)]
                graph = session.parse_arena(arena, spans, main, check_relocations=False)
                main.add_graph(graph, tracker, roots=True)
            else:
                self.jit.add_library(item.value if item.kind == "library" else os.path.join(".", item.value))

    def _fresh_process(self) -> None:
        """What a process has before main() that an interpreter changed: signals, locale, environment; and argv."""
        sys.stdout.flush()
        sys.stderr.flush()
        runtime = process_runtime()
        name = os.fsencode(self.arguments.inputs[0][1])
        words = [name, *map(os.fsencode, self.arguments.program)]
        self._stack = stack = InitialStack(words, as_it_was(environment_at_start()))
        runtime.call(b"uruk_rt_set_environ", stack.envp)
        runtime.call(b"uruk_rt_set_program_name", stack.name)
        runtime.call(b"uruk_rt_fresh_process")
        program = self.jit.platform.program
        program.argc, program.argv, program.envp = stack.argc, stack.argv, stack.envp

    def run(self) -> int:
        """Call main() and leave the process as its return does: exit(main(argc, argv, envp))."""
        program = self.jit.platform.program
        runtime = process_runtime()
        runtime.call(b"uruk_rt_exit_main", self._entry, program.argc, program.argv, program.envp)
        return 0
