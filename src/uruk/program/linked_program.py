"""A program: inputs in the order of a link line, linked as one tracker, and run as a fresh process would run them."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from uruk.compile.languages import spoken_language
from uruk.errors import ExecutorError, ExecutorLost, ProtocolError, UndefinedSymbols, UrukError
from uruk.formats.interface import Span
from uruk.graph.arena import Arena
from uruk.memory.manager import DEFAULT_SLAB
from uruk.orc.registry.options import Options
from uruk.program.program_linker import ProgramLinker
from uruk.program.reading import Objects, Other, Reader
from uruk.program.systems import system_of
from uruk.target import Target

if TYPE_CHECKING:
    from uruk.executor.launch import Child
    from uruk.orc.registry.tracker import ResourceTracker
    from uruk.program.link_plan import Input, LinkPlan
    from uruk.program.settings import Settings

PATIENCE = 2.0
"""Seconds in which the process of a program ends whose line has ended."""


class LinkedProgram:
    """Links the inputs of a plan, and runs them."""

    def __init__(self, arguments: Settings, reader: Reader) -> None:
        self.arguments = arguments
        plan = self._plan = arguments.plan
        self._reader = reader
        self._system = system_of(arguments.target)
        self._place = self._system.place(arguments)
        self.jit = ProgramLinker(
            slab_size=arguments.slab or DEFAULT_SLAB,
            executor=self._place.executor,
            options=Options(
                phony_externals=plan.phony,
                prune=plan.prune,
                execute=arguments.execute,
                names_for_loader=arguments.execute,
                architecture=_linked_only_for(arguments) if self._place.executor is None else "",
            ),
            memory=self._system.memory(arguments),
        )
        if arguments.execute and self.child is not None:  # a child ends with its program
            self._system.show_to_libraries(self.jit, everything=plan.rdynamic)
        self.times: list[tuple[str, float]] = []
        self._entry, self._starts = 0, False

    def link(self) -> None:
        """Link everything that the entry needs; initialisers run."""
        begin = time.perf_counter()
        inputs = self._inputs()
        waited = time.perf_counter() - begin
        self._state_plan()
        self._system.before_inputs(self.jit, self.arguments, inputs)
        self._add_inputs(inputs)
        added = time.perf_counter()
        if self.arguments.execute:
            self._place.prepare(self.jit, [self._plan.name, *self.arguments.program])
        self._look_entry_up()
        self._reader.take_ahead()  # what no archive member was taken from is given up
        self._system.linked(self.jit, self._plan, runs=self.arguments.execute)
        passes = [*self.jit.session.times, *self.jit.session.spent.items()]
        total = time.perf_counter() - added
        compilation = self._reader.compilation
        self.times = [
            *([("compile", compilation.seconds)] if compilation else []),
            ("read, parse", added - begin - (waited if compilation else 0)),
            *passes,
            ("lookup", total - sum(seconds for _, seconds in passes)),
        ]

    def _state_plan(self) -> None:
        """Tell the session what holds for all inputs."""
        if self.arguments.execute:
            self._system.set_search_path(self.jit, self._plan)
        for directory in self._plan.directories:
            self.jit.add_search_directory(directory)
        for name, address in self._plan.defines:
            self.jit.define(name, address)
        for name, meaning, offset in self._plan.aliases:
            self.jit.alias({name: meaning}, offset=offset)
        for name in self._plan.wrapped:
            self.jit.wrap(name)

    def _look_entry_up(self) -> None:
        plan = self._plan
        if plan.entry and not self.arguments.execute:
            self._entry = self.jit.lookup(plan.entry).address
            return
        entry, initialises = self._system.entry(self.jit, plan)
        self._starts = entry == "_start"
        try:
            self._entry = self.jit.lookup_program(entry, plan.undefined, initialize=not initialises).address
        except UndefinedSymbols as error:
            raise _with_languages(error, entry, plan) from None

    def _inputs(self) -> list[Objects | Other]:
        """Return the inputs, when they are read and compiled. Warnings go where a compiler prints them; once."""
        try:
            return self._reader.result()
        finally:
            compilation = self._reader.compilation
            if compilation is not None and not self._reader.warned and not self._system.has_restarted():
                sys.stderr.write(compilation.warnings)
                self._reader.warned = True

    def _add_inputs(self, inputs: list[Objects | Other]) -> None:
        """Add inputs in order; objects that follow each other are one batch, and all is one tracker's."""
        session, main = self.jit.session, self.jit.main
        tracker = main.create_tracker("program")
        session.take_ahead = self._reader.take_ahead
        for item in inputs:
            if isinstance(item, Objects):
                arena = Arena([np.frombuffer(item.buffer, np.uint8)])
                spans = [Span(*span) for span in zip(item.files, item.starts, item.sizes, strict=True)]
                graph = session.parse_arena(arena, spans, main, check_relocations=False)
                self.jit.linker_words += graph.linker_words.values()
                main.add_graph(graph, tracker, roots=True)
            elif item.content is not None:
                self.jit.add_archive(item.content, item.input.value, tracker=tracker, whole=item.input.whole)
            else:
                self._add_library(item.input, tracker)
        self.jit.load_libraries()

    def _add_library(self, item: Input, tracker: ResourceTracker) -> None:
        name = item.value if item.kind == "library" else os.path.join(".", item.value)
        self.jit.add_library(name, tracker=tracker, static=item.static, whole=item.whole, as_needed=item.as_needed)

    @property
    def child(self) -> Child | None:
        """The process that was started for it."""
        executor = self._place.executor
        return executor.child if executor is not None else None

    def has_ended(self, patience: float = 0.0) -> bool:
        """Return True if the program's own process has ended, or does so within `patience` seconds."""
        return self.arguments.execute and self.child is not None and self.child.poll(patience) is not None

    def run(self) -> int:
        """Run main(), if no initialiser has ended the program; its exit status, negative for the signal that ended it.

        A program in this process that is as a fresh one ends it.
        """
        if self.child is not None and self.has_ended():
            return self.child.wait()
        return self._place.run(self.jit, self._entry, starts=self._starts)

    def give_up(self) -> None:
        """Leave its process, which cannot run it.

        A child is ended by force: a sanitizer's runtime would report at the end what is not the program's.
        """
        if self.child is not None:
            import signal  # most programs link at the first attempt

            self.child.send(signal.SIGKILL)
        with contextlib.suppress(ExecutorError):
            self.jit.close()


def _linked_only_for(settings: Settings) -> str | Target:
    """Return the target of a program that is not run; empty for this process's."""
    return Target.of_triple(settings.target) if settings.target and not settings.execute else ""


def link_program(settings: Settings, reader: Reader, made: Callable[[LinkedProgram], None]) -> LinkedProgram:
    """Link a program, in another process if the first turns out to be one in which it cannot run.

    `made` gets each attempt before it is linked. An initialiser that ends its process, by exit() or a fault, ends the
    program, as it does natively.
    """
    while True:
        program = LinkedProgram(settings, reader)
        try:
            made(program)
            program.link()
            return program
        except UrukError as error:
            ends = isinstance(error, ExecutorLost) and not isinstance(error, ProtocolError)
            if ends and program.has_ended(PATIENCE):
                return program
            if not system_of(settings.target).another_may_do(settings, error):
                raise
            program.give_up()


def _with_languages(error: UndefinedSymbols, entry: str, plan: LinkPlan) -> UndefinedSymbols:
    """Return an error that says, where the entry is undefined, as what the line's sources were compiled."""
    languages = [(item.value, spoken_language(item.value)) for item in plan.inputs if item.kind == "input"]
    compiled = [f"{path} is {language}" for path, language in languages if language]
    if not compiled:
        return error
    more = f", and {len(compiled) - 3} more" if len(compiled) > 3 else ""
    note = f"no input defines it ({', '.join(compiled[:3])}{more})"
    return UndefinedSymbols(
        [one.with_hint(note) if one.name == entry and not one.places else one for one in error.symbols]
    )
