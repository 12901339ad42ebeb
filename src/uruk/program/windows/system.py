"""Windows as a system of programs, in a process under wine or only linked; see `uruk.program.interface.ProgramSystem`.

What takes time to import is imported by the methods: this is imported before numpy is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.errors import ExecutorError, UrukError

if TYPE_CHECKING:
    from uruk.lljit import LLJIT
    from uruk.memory.interface import Memory
    from uruk.orc.dylib import JITDylib
    from uruk.program.interface import Place
    from uruk.program.link_plan import LinkPlan
    from uruk.program.program_linker import ProgramLinker
    from uruk.program.reading import Objects, Other
    from uruk.program.settings import Settings
    from uruk.program.windows.in_child import ProgramInWindows

IMAGE_BASE, UNIT = 0x140000000, 1 << 20
"""The address at which linkers put programs of 64 bits, and how much room one is given at a time."""
_PROBLEM = "the program was linked for no process, and cannot be run"


class Nowhere:
    """The place of a program that is only linked; see `uruk.program.interface.Place`."""

    executor = None

    def prepare(self, jit: LLJIT, words: Sequence[str]) -> None:
        """See `Place.prepare`: there is nothing to prepare."""

    def run(self, jit: LLJIT, entry: int, *, starts: bool = False) -> int:
        """See `Place.run`. Raises ExecutorError."""
        raise ExecutorError(_PROBLEM)


class WindowsPrograms:
    """See `uruk.program.interface.ProgramSystem`."""

    def __init__(self) -> None:
        self._place: ProgramInWindows | None = None

    def place(self, settings: Settings) -> Place:
        """See `ProgramSystem.place`. Raises ExecutorError."""
        if settings.execute or settings.oop:
            from uruk.program.windows.in_child import ProgramInWindows

            self._place = ProgramInWindows(settings)
            return self._place
        return Nowhere()

    def memory(self, settings: Settings) -> Memory | None:
        """See `ProgramSystem.memory`: addresses as a program's, and none of this process's, where nothing runs."""
        if settings.execute or settings.oop:
            return None
        from uruk.memory.fixed import FixedMemory

        return FixedMemory(IMAGE_BASE, UNIT)

    def show_to_libraries(self, linker: ProgramLinker, *, everything: bool) -> None:
        """See `ProgramSystem.show_to_libraries`: there are no libraries."""

    def set_search_path(self, linker: ProgramLinker, plan: LinkPlan) -> None:
        """See `ProgramSystem.set_search_path`: Windows's programs name no directories; WINEPATH and PATH do."""

    def serve_as_jitlink(self, linker: ProgramLinker, dylibs: Sequence[JITDylib]) -> None:
        """See `ProgramSystem.serve_as_jitlink`: what is served is known when the inputs are, in `Place.prepare`."""
        if self._place is not None:
            self._place.as_jitlink = True

    def result(self, linker: ProgramLinker, status: int) -> int:
        """See `ProgramSystem.result`."""
        return linker.platform.process.runtime.call(b"uruk_rt_result", status) & 0xFF

    def before_inputs(self, linker: ProgramLinker, settings: Settings, inputs: Sequence[Objects | Other]) -> None:
        """See `ProgramSystem.before_inputs`."""
        if self._place is not None:
            self._place.take_inputs(inputs)

    def entry(self, linker: ProgramLinker, plan: LinkPlan) -> tuple[str, bool]:
        """See `ProgramSystem.entry`."""
        return self._place.entry(linker) if self._place is not None else plan.entry or "main", False

    def linked(self, linker: ProgramLinker, plan: LinkPlan, *, runs: bool) -> None:
        """See `ProgramSystem.linked`. Raises LinkError for a program with two C runtimes."""
        if runs and self._place is not None:
            self._place.check(linker)

    def another_may_do(self, settings: Settings, error: UrukError) -> bool:
        """See `ProgramSystem.another_may_do`."""
        return False

    def restart(self, error: UrukError) -> None:
        """See `ProgramSystem.restart`."""

    def has_restarted(self) -> bool:
        """See `ProgramSystem.has_restarted`."""
        return False

    def make_room_for_columns(self) -> None:
        """See `ProgramSystem.make_room_for_columns`."""
