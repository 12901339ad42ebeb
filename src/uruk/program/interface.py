"""The demands of running a program on a system: `ProgramSystem`, and the process that one is run in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from uruk.errors import UrukError

if TYPE_CHECKING:
    from uruk.executor.remote import RemoteExecutor
    from uruk.memory.interface import Memory
    from uruk.orc.dylib import JITDylib
    from uruk.program.link_plan import LinkPlan
    from uruk.program.program_linker import ProgramLinker
    from uruk.program.reading import Objects, Other
    from uruk.program.settings import Settings


class Place(Protocol):
    """A process as a program's."""

    @property
    def executor(self) -> RemoteExecutor | None:
        """The executor that it is; None for this process."""
        ...

    def prepare(self, jit: ProgramLinker, words: Sequence[str]) -> None:
        """Make it look like a fresh process's, with `words` as argv."""
        ...

    def run(self, jit: ProgramLinker, entry: int, *, starts: bool = False) -> int:
        """Run main() at `entry`; returns the exit status, negative for a signal.

        With `starts`, `entry` is the program's own start code, which finds argc at the bottom of its stack.
        """
        ...


class ProgramSystem(Protocol):
    """A system on which programs run. Methods stand in the order in which a program's link calls them."""

    def place(self, settings: Settings) -> Place:
        """Return the process in which a program is to run. Raises ExecutorError where it cannot be had."""
        ...

    def memory(self, settings: Settings) -> Memory | None:
        """Return the memory of a program that no process holds; None where its place has it."""
        ...

    def show_to_libraries(self, linker: ProgramLinker, *, everything: bool) -> None:
        """Have libraries see the program's names: those that they want, or all (ld's --export-dynamic)."""
        ...

    def set_search_path(self, linker: ProgramLinker, plan: LinkPlan) -> None:
        """Say where the program looks for libraries when it runs (ld's -rpath)."""
        ...

    def serve_as_jitlink(self, linker: ProgramLinker, dylibs: Sequence[JITDylib]) -> None:
        """Have some dylibs see what LLVM's llvm-jitlink has in its process: the libraries of C++, and the function that
        sets its exit status."""
        ...

    def result(self, linker: ProgramLinker, status: int) -> int:
        """Return the exit status of a program that has ended in a process that goes on, where main() gave `status`."""
        ...

    def before_inputs(self, linker: ProgramLinker, settings: Settings, inputs: Sequence[Objects | Other]) -> None:
        """Prepare the process for the program's inputs, which are read, and none of which is linked yet."""
        ...

    def entry(self, linker: ProgramLinker, plan: LinkPlan) -> tuple[str, bool]:
        """Return the function that a program begins with, and whether that runs the initialisers itself."""
        ...

    def linked(self, linker: ProgramLinker, plan: LinkPlan, *, runs: bool) -> None:
        """Tell tools in the process (leak detectors, profilers) of the program's memory."""
        ...

    def another_may_do(self, settings: Settings, error: UrukError) -> bool:
        """Return True where another process, begun as `settings` says after this call, may run what failed with
        `error`."""
        ...

    def restart(self, error: UrukError) -> None:
        """Replace this process, once, by the same command in one that may run what failed with `error` in this.

        It returns where another process would not do, either.
        """
        ...

    def has_restarted(self) -> bool:
        """Return True in a process that took the place of an earlier one by `restart`."""
        ...

    def make_room_for_columns(self) -> None:
        """Prepare the heap of this process, in which only linking is done, for large tables."""
        ...
