"""Linux as a system on which programs run; see `uruk.program.interface.ProgramSystem`.

What takes time to import is imported by the methods: this is imported before numpy is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.errors import LibraryError, TLSError, UrukError
from uruk.target import HERE, Target

if TYPE_CHECKING:
    from uruk.memory.interface import Memory
    from uruk.orc.dylib import JITDylib
    from uruk.program.interface import Place
    from uruk.program.link_plan import LinkPlan
    from uruk.program.program_linker import ProgramLinker
    from uruk.program.reading import Objects, Other
    from uruk.program.settings import Settings

LARGEST_POOL = 1 << 20
"""Bytes of static thread-local storage that a child gets unasked; each of its threads pays for it."""

_START_MAIN = b"__libc_start_main"


class LinuxPrograms:
    """See `uruk.program.interface.ProgramSystem`."""

    def place(self, settings: Settings) -> Place:
        """See `ProgramSystem.place`; a link without a run needs no process but this, unless it is asked for."""
        if settings.returns or settings.in_process or not (settings.execute or settings.oop):
            from uruk.program.linux.in_process import CalledInProcess, ProgramInProcess

            return CalledInProcess() if settings.returns else ProgramInProcess()
        from uruk.program.linux.in_child import ProgramInChild

        return ProgramInChild(settings)

    def memory(self, settings: Settings) -> Memory | None:
        """See `ProgramSystem.memory`: it is the place's."""
        return None

    def show_to_libraries(self, linker: ProgramLinker, *, everything: bool) -> None:
        """See `ProgramSystem.show_to_libraries`."""
        from uruk.platforms.linux.interposition import ProgramExports
        from uruk.platforms.linux.platform import linux_platform

        platform = linux_platform(linker.platform)
        linker.exports = ProgramExports(linker.main, linker.executor, platform, everything=everything)

    def set_search_path(self, linker: ProgramLinker, plan: LinkPlan) -> None:
        """See `ProgramSystem.set_search_path`."""
        origin = os.path.dirname(plan.name)
        linker.set_search_path(plan.rpath, origin=origin, inherited=plan.rpath_is_inherited)

    def serve_as_jitlink(self, linker: ProgramLinker, dylibs: Sequence[JITDylib]) -> None:
        """See `ProgramSystem.serve_as_jitlink`."""
        from uruk.program.linux.jitlink_process import serve

        serve(linker, dylibs)

    def result(self, linker: ProgramLinker, status: int) -> int:
        """See `ProgramSystem.result`."""
        return linker.platform.process.runtime.call(b"uruk_rt_result", status) & 0xFF

    def before_inputs(self, linker: ProgramLinker, settings: Settings, inputs: Sequence[Objects | Other]) -> None:
        """See `ProgramSystem.before_inputs`: libraries' thread-locals get static storage while there is room for it."""
        from uruk.platforms.linux.platform import linux_platform

        if linker.exports is not None:  # a program in a child
            from uruk.platforms.linux.interposition import ProgramExports

            if isinstance(linker.exports, ProgramExports):
                linker.exports.looks_for_wrappers = bool(settings.plan.runtimes and settings.plan.preloaded)
        if settings.plan.starts_itself and settings.execute:
            linux_platform(linker.platform).replacements[_START_MAIN] = b"uruk_rt_libc_start_main"
        for variable, library in settings.bound_early:
            linux_platform(linker.platform).process.tls.is_static(variable, library)

    def entry(self, linker: ProgramLinker, plan: LinkPlan) -> tuple[str, bool]:
        """See `ProgramSystem.entry`.

        Natively the C library runs a program's initialisers, on behalf of its start file; the loader does not. A start
        code of the program's own that calls ``__libc_start_main`` is as a start file: the runtime's function of this
        name calls main(), whose initialisers have run.
        """
        defines = linker.main.defines
        starts = plan.starts_itself and (defines("_start") or not defines("main"))
        entry = plan.entry or ("_start" if starts else "main")
        return entry, plan.starts_itself and entry != "main" and _START_MAIN not in linker.main.names

    def linked(self, linker: ProgramLinker, plan: LinkPlan, *, runs: bool) -> None:
        """See `ProgramSystem.linked`.

        A leak detector looks for pointers in the program's variables, as it does in those of libraries; gprof's data is
        gathered for all code that is linked.
        """
        if plan.preloaded:
            register, _ = linker.executor.libraries.find_symbol(None, b"__lsan_register_root_region")
            for region in linker.session.memory_map() if register else ():
                if region.zone == "RW":
                    linker.executor.process.call(register, region.address, region.size)
        if plan.counts_calls and runs:
            code = [region for region in linker.session.memory_map() if region.zone == "RX"]
            low, high = min(region.address for region in code), max(region.address + region.size for region in code)
            linker.platform.process.runtime.call(b"uruk_rt_count_calls", low, high)

    def another_may_do(self, settings: Settings, error: UrukError) -> bool:
        """See `ProgramSystem.another_may_do`.

        How much static thread-local storage a process has is fixed when it starts, and which malloc.
        """
        fixed = settings.in_process or settings.returns or settings.given_executor is not None
        if not fixed and isinstance(error, LibraryError):
            return error.comes_late and _preloads(settings, error.library)
        if fixed or not isinstance(error, TLSError):
            return False
        early = (error.variable, error.what)
        if 0 < error.static_tls <= LARGEST_POOL and not settings.tls_pool:
            settings.tls_pool = error.static_tls
        elif error.variable and early not in settings.bound_early:
            settings.bound_early.append(early)
        else:
            return False
        return True

    def restart(self, error: UrukError) -> None:
        """See `ProgramSystem.restart`."""
        from uruk.program.linux.tunables import start_again

        if isinstance(error, TLSError) and error.static_tls and not self.has_restarted():
            start_again(error.static_tls)

    def has_restarted(self) -> bool:
        """See `ProgramSystem.has_restarted`."""
        from uruk.program.linux.tunables import has_started_again

        return has_started_again()

    def make_room_for_columns(self) -> None:
        """See `ProgramSystem.make_room_for_columns`."""
        from uruk.program.linux.heap import use_huge_pages

        use_huge_pages()


def _preloads(settings: Settings, library: str) -> bool:
    """Have the next child start with a library; False if that is none of uruk's, or has started with it already."""
    path = os.path.abspath(library)
    is_foreign = settings.target and Target.of_triple(settings.target).architecture != HERE.architecture
    if settings.connect or is_foreign or path in settings.plan.preloaded:
        return False
    settings.plan.preloaded.append(path)
    return True
