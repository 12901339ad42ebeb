"""A program: inputs in the order of a link line, linked as one tracker, and run as a fresh process would run them."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from uruk.errors import LibraryError, TLSError
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.lljit import LLJIT
from uruk.memory.manager import DEFAULT_SLAB
from uruk.orc.session import Options
from uruk.program.program_in_process import CalledInProcess, ProgramInProcess
from uruk.program.program_linker import ProgramLinker
from uruk.program.reading import Objects, Other, Reader
from uruk.program.tunables import can_start_again

if TYPE_CHECKING:
    from uruk.executor.launch import Child
    from uruk.executor.remote import RemoteExecutor
    from uruk.orc.tracker import ResourceTracker
    from uruk.program.link_plan import Input
    from uruk.program.settings import Settings

LARGEST_POOL = 1 << 20
"""Bytes of static thread-local storage that a child gets unasked; each of its threads pays for it."""


def place(arguments: Settings) -> Place:
    """The process in which the program is to run; a link without a run needs none but this, unless it is asked for."""
    if arguments.returns:
        return CalledInProcess()
    if arguments.in_process or not (arguments.execute or arguments.oop):
        return ProgramInProcess()
    from uruk.program.program_in_child import ProgramInChild

    return ProgramInChild(arguments)


class Place(Protocol):
    """A process as a program's."""

    @property
    def executor(self) -> RemoteExecutor | None:
        """The executor that it is; None for this process."""
        ...

    def prepare(self, jit: LLJIT, words: Sequence[str]) -> None:
        """Make it look like a fresh process's, with `words` as argv."""
        ...

    def run(self, jit: LLJIT, entry: int) -> int:
        """Run main() at `entry`; the exit status, negative for a signal."""
        ...


class LinkedProgram:
    """Links the inputs of a plan, and runs them."""

    def __init__(self, arguments: Settings, reader: Reader) -> None:
        self.arguments = arguments
        plan = self._plan = arguments.plan
        self._reader = reader
        self._place = place(arguments)
        self.jit = ProgramLinker(
            slab_size=arguments.slab or DEFAULT_SLAB,
            executor=self._place.executor,
            options=Options(
                phony_externals=plan.phony,
                prune=plan.prune,
                execute=arguments.execute,
                names_for_loader=arguments.execute,
                architecture="" if arguments.execute or self._place.executor else arguments.target.partition("-")[0],
            ),
        )
        if arguments.execute and not (
            arguments.in_process or arguments.returns or arguments.connect
        ):  # a child ends with its program
            self.jit.export(everything=plan.rdynamic)
        self.times: list[tuple[str, float]] = []
        self._entry = 0

    def link(self) -> None:
        """Link everything that the entry needs; initialisers run."""
        begin = time.perf_counter()
        inputs = self._inputs()
        waited = time.perf_counter() - begin
        self._state_plan()
        for variable, library in self.arguments.bound_early:
            self.jit.platform.process.tls.is_static(variable, library)
        self._add_inputs(inputs)
        added = time.perf_counter()
        if self.arguments.execute:
            self._place.prepare(self.jit, [self._plan.name, *self.arguments.program])
        self._look_entry_up()
        if self._plan.preloaded:
            self._name_roots()
        if self._plan.counts_calls and self.arguments.execute:
            self._count_calls()
        passes = self.jit.session.times
        total = time.perf_counter() - added
        compilation = self._reader.compilation
        self.times = [
            *([("compile", compilation.seconds)] if compilation else []),
            ("read, parse", added - begin - (waited if compilation else 0)),
            *passes,
            ("lookup", total - sum(seconds for _, seconds in passes)),
        ]

    def _name_roots(self) -> None:
        """Have a leak detector look for pointers in the program's variables, as it does in those of libraries."""
        register, _ = self.jit.executor.libraries.find_symbol(None, b"__lsan_register_root_region")
        for one in self.jit.session.memory_map() if register else ():
            if one.zone == "RW":
                self.jit.executor.process.call(register, one.address, one.size)

    def _count_calls(self) -> None:
        """Have gprof's data gathered for all code that is linked."""
        code = [one for one in self.jit.session.memory_map() if one.zone == "RX"]
        low, high = min(one.address for one in code), max(one.address + one.size for one in code)
        self.jit.platform.runtime.call(b"uruk_rt_count_calls", low, high)

    def _state_plan(self) -> None:
        """Tell the session what holds for all inputs."""
        if self.arguments.execute:
            self.jit.set_search_path(
                self._plan.rpath,
                origin=os.path.dirname(self._plan.name),
                inherited=self._plan.rpath_is_inherited,
            )
        for directory in self._plan.directories:
            self.jit.add_search_directory(directory)
        for name, address in self._plan.defines:
            self.jit.define(name, address)
        for name, other, offset in self._plan.aliases:
            self.jit.alias({name: other}, offset=offset)
        for name in self._plan.wrapped:
            self.jit.wrap(name)

    def _has_start_files(self) -> bool:
        """Whether an input is as the C library's start file, which has it call main()."""
        return b"__libc_start_main" in self.jit.main.names

    def _look_entry_up(self) -> None:
        plan = self._plan
        if plan.entry and not self.arguments.execute:
            self._entry = self.jit.lookup(plan.entry).address
            return
        defines, has_own_start = self.jit.main.defines, plan.starts_itself and not self._has_start_files()
        starts = defines("_start") if has_own_start and defines("main") else plan.starts_itself and not defines("main")
        entry = plan.entry or ("_start" if starts else "main")
        # Natively the C library runs a program's initialisers, on behalf of its start file; the loader does not.
        runs_them_itself = has_own_start and entry != "main"
        self._entry = self.jit.lookup_program(entry, plan.undefined, initialize=not runs_them_itself).address

    def _inputs(self) -> list[Objects | Other]:
        """The inputs, when they are read and compiled. Warnings go where a compiler prints them; once."""
        try:
            return self._reader.result()
        finally:
            compilation = self._reader.compilation
            if compilation is not None and can_start_again() and not self._reader.warned:
                sys.stderr.write(compilation.warnings)
                self._reader.warned = True

    def _add_inputs(self, inputs: list[Objects | Other]) -> None:
        """Add inputs in order; objects that follow each other are one batch, and all is one tracker's."""
        session, main = self.jit.session, self.jit.main
        tracker = main.create_tracker("program")
        late: list[Input] = []
        for item in inputs:
            if isinstance(item, Objects):
                arena = Arena([np.frombuffer(item.buffer, np.uint8)])
                spans = [Span(*one) for one in zip(item.files, item.starts, item.sizes, strict=True)]
                graph = session.parse_arena(arena, spans, main, check_relocations=False)
                main.add_graph(graph, tracker, roots=True)
            else:
                try:
                    self._add_library(item.input, tracker)
                except LibraryError:
                    late.append(item.input)  # it may want names from objects that come behind it
        for one in late:
            self._add_refused_library(one, tracker)

    def _add_library(self, one: Input, tracker: ResourceTracker) -> None:
        name = one.value if one.kind == "library" else os.path.join(".", one.value)
        self.jit.add_library(name, tracker=tracker, static=one.static, whole=one.whole, as_needed=one.as_needed)

    def _add_refused_library(self, one: Input, tracker: ResourceTracker) -> None:
        """Add a library as soon as the program has promised it what it lacks. Raises LibraryError."""
        while True:
            try:
                return self._add_library(one, tracker)
            except LibraryError as error:
                if not self.jit.promises(error):
                    raise

    @property
    def child(self) -> Child | None:
        """The process that was started for it."""
        executor = self._place.executor
        return executor.child if executor is not None else None

    def run(self) -> int:
        """Run main(); the program's exit status, negative for the signal that ended it.

        A program in this process that is as a fresh one ends it.
        """
        return self._place.run(self.jit, self._entry)


def link_program(settings: Settings, reader: Reader, made: Callable[[LinkedProgram], None]) -> LinkedProgram:
    """The program, linked: in another child if the first turns out to have too little thread-local storage.

    `made` gets each attempt before it is linked.
    """
    while True:
        program = LinkedProgram(settings, reader)
        try:
            made(program)
            program.link()
            return program
        except TLSError as error:
            if settings.in_process or settings.returns or not _ask_for_more(settings, error):
                raise
            program.jit.close()


def _ask_for_more(settings: Settings, error: TLSError) -> bool:
    """Whether another child, begun as `settings` says now, may have what this one has not."""
    early = (error.variable, error.what)
    if 0 < error.static_tls <= LARGEST_POOL and not settings.tls_pool:
        settings.tls_pool = error.static_tls
    elif error.variable and early not in settings.bound_early:
        settings.bound_early.append(early)
    else:
        return False
    return True
