"""The process in which a program of the tool runs: the tool's own, or an executor's."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.errors import ExecutorCrashed, ExecutorError, UrukError
from uruk.executor.launch import Child
from uruk.jitlink.arguments import host_and_port, slab_size
from uruk.jitlink.options import CommandLine
from uruk.memory.manager import DEFAULT_SLAB, SlabManager
from uruk.orc.dylib import JITDylib
from uruk.orc.registry.options import Options
from uruk.program.ending import end_as
from uruk.program.program_linker import ProgramLinker
from uruk.program.settings import Settings
from uruk.program.systems import system_of
from uruk.target import HERE, Target


def settings_of(line: CommandLine, target: Target) -> Settings:
    """Return how a command line has its program run. Raises ToolError."""
    connect = line.last("oop-executor-connect")
    # Code of another machine cannot run in this process: an emulator runs an executor for it.
    oop = line.given("oop-executor") or bool(connect) or target != HERE
    return Settings(
        program=line.texts("args"),
        slab=slab_size(line.last("slab-allocate")) if line.last("slab-allocate") else 0,
        in_process=not oop,
        oop=oop,
        target=str(target),
        executor=line.last("oop-executor"),
        # LLVM's tool sends code by messages unless it is told to share memory.
        shared_memory=line.is_on("use-shared-memory") or line.last("use-memmgr") == "shared",
        connect=host_and_port(connect) if connect else None,
    )


class Running:
    """A session whose code runs, and its process; with a slab's size, laid out as LLVM's tool does, in its pages.

    Raises ExecutorError where that cannot be had.
    """

    def __init__(self, settings: Settings, slab_page: int = 0) -> None:
        self.settings = settings
        self._system = system_of(settings.target)
        self._place = self._system.place(settings)
        self.jit = ProgramLinker(
            slab_size=settings.slab or DEFAULT_SLAB,
            executor=self._place.executor,
            # LLVM's layout has to be asked for: in uruk's own, the dynamic loader knows the program.
            options=Options(names_for_loader=True, as_jitlink=bool(settings.slab)),
            memory=self._system.memory(settings),
        )
        if settings.slab:
            memory = self.jit.executor.memory
            assert isinstance(memory, SlabManager)
            assert not memory.slabs
            memory.row_page = max(slab_page, memory.mapper.page_size)

    @property
    def child(self) -> Child | None:
        """The process that was started for it."""
        executor = self._place.executor
        return executor.child if executor is not None else None

    def serve(self, dylibs: Sequence[JITDylib]) -> None:
        """Have some dylibs see what the tool's process has."""
        self._system.serve_as_jitlink(self.jit, dylibs)

    def prepare(self) -> None:
        """Lay out the program's arguments, of which the first is its argv[0]: LLVM's tool adds no name of its own."""
        self._place.prepare(self.jit, self.settings.program)

    def run(self, entry: int, dylib: JITDylib) -> int:
        """Run the initialisers of a dylib and all that it sees, and main(); returns the exit status.

        It is negative for a signal. In this process, the program ends it.
        """
        dylib.initialize()
        status = self._place.run(self.jit, entry)
        if self._place.executor is None or self.child is not None or self.jit.executor.lost:
            return status
        # The process goes on: the program's finalisers run now, and may set its result.
        dylib.deinitialize()
        return self._system.result(self.jit, status)

    def exit_status(self, status: int) -> int:
        """Return the status of a run; a program that has crashed is reported, and this process ends as it did."""
        lost = self.jit.executor.lost
        if status < 0 or isinstance(lost, ExecutorCrashed):
            end_as(status, lost, "uruk-jitlink")
        return status

    def close(self) -> None:
        """Give the program up; a child has ended with it, so that nothing can be asked of that any more."""
        try:
            self.jit.close()
        except ExecutorError:
            if self.child is None:
                raise

    def another_may_do(self, error: UrukError) -> bool:
        """Return True where another process, begun with the settings as they are now, may do what this one cannot."""
        if self.settings.in_process:
            # This returns only where a fresh process of this command would not do, either.
            self._system.restart(error)
        return self._system.another_may_do(self.settings, error)
