"""A program of Windows in a process of its own, under wine."""

from __future__ import annotations

from collections.abc import Sequence
from subprocess import list2cmdline
from typing import TYPE_CHECKING

from uruk.errors import AllocationError
from uruk.memory.manager import DEFAULT_SLAB
from uruk.platforms.windows.platform import WindowsPlatform
from uruk.program.windows.c_runtimes import OLD_NAMES, StartedRuntime, check_alone
from uruk.program.windows.default_libraries import Driver, Marks, add_default_libraries, choose_runtime
from uruk.spawning import connect, spawn
from uruk.target import Target

if TYPE_CHECKING:
    from uruk.program.program_linker import ProgramLinker
    from uruk.program.reading import Objects, Other
    from uruk.program.settings import Settings

_ENTRIES = ("main", "wmain", "WinMain", "wWinMain")
"""The functions that a program may begin with, in the order of `enum entry` of runtime/windows/program.c."""
_START_FILES = {"mainCRTStartup": 0, "wmainCRTStartup": 1, "WinMainCRTStartup": 2, "wWinMainCRTStartup": 3}
"""Functions of start files, as lines name them for an entry, each with the one of `_ENTRIES` that it calls."""

_MODES = ("_fmode", "_commode")
"""Variables of a program that give their values to those of the C runtime."""


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
        self._plan = settings.plan
        self._inputs: Sequence[Objects | Other] = ()
        self._driver = Driver.MINGW
        self.as_jitlink = False
        """True if the program sees what LLVM's llvm-jitlink has in its process."""
        self._kind = 0
        """The place in `_ENTRIES` of the function that the program begins with."""

    def take_inputs(self, inputs: Sequence[Objects | Other]) -> None:
        """Keep the program's inputs, which tell by their compilers what libraries they want."""
        self._inputs = inputs

    def entry(self, linker: ProgramLinker) -> str:
        """Return the function that the program begins with."""
        self._kind = self._kind_in(linker)
        return self._plan.entry if self._has_own_entry else _ENTRIES[self._kind]

    @property
    def _has_own_entry(self) -> bool:
        """True if --entry names a function that is not one of start files."""
        return bool(self._plan.entry) and self._plan.entry not in _START_FILES

    def _kind_in(self, linker: ProgramLinker) -> int:
        """Return the place in `_ENTRIES` of the function that the program defines; 0 for an entry of its own."""
        if self._has_own_entry:
            return 0
        kinds = [_START_FILES[self._plan.entry]] if self._plan.entry else range(len(_ENTRIES))
        return next((kind for kind in kinds if linker.main.defines(_ENTRIES[kind])), kinds[0])

    def prepare(self, jit: ProgramLinker, words: Sequence[str]) -> None:
        """See `Place.prepare`: the C runtime, argv, and libraries that a driver adds behind all inputs."""
        directives = [name for words in jit.linker_words for name in words.get("defaultlib", ())]
        if isinstance(jit.platform, WindowsPlatform):
            # None of its code is removed, so that destructors of its threads are its own libraries', in their order.
            jit.platform.over_archives = frozenset()
        marks = Marks(self._inputs, jit.main.names, directives)
        self._give_resources()
        # The inputs' bytes are not needed from here on, and may be large.
        self._inputs = ()
        self._driver = marks.driver()
        self.runtime = choose_runtime(self._plan, marks, self._driver)
        self._kind = self._kind_in(jit)
        self._started = StartedRuntime(self.executor, self.runtime)
        # The C runtime is ready before anything is linked, as initialisers of the program may call it.
        self._started.start(
            wide=self._kind % 2 == 1, windowed=self._kind >= 2, ignores_invalid=self._driver is not Driver.MICROSOFT
        )
        # The command line as GetCommandLineW gives it, then argv; each text ends with a NUL.
        texts = "\0".join([list2cmdline(words), *words, ""])
        # Bytes of an argument that are not UTF-8 are lone surrogates in Python, which UTF-16 can hold as they are.
        data = texts.encode("utf-16-le", "surrogatepass")
        if self.executor.runtime.call(b"uruk_rt_set_arguments", data, len(data), len(words)):
            raise AllocationError("the executor has no memory for the program's arguments")
        if self.as_jitlink:
            from uruk.program.windows import jitlink_process  # for one tool

            jitlink_process.serve_result(jit)
            if self._driver is Driver.MINGW:
                jitlink_process.serve_libraries(jit, cxx=marks.wants_cxx(), threads=marks.wants_threads())
        if self._plan.default_libraries:
            add_default_libraries(jit, self._plan, marks, self._driver, self.runtime)
            if OLD_NAMES in marks.libraries:
                from uruk.program.windows.old_names import old_names  # for few programs

                # Behind all others, so that what the program or its libraries define is asked first.
                jit.main.add_generator(old_names(self._started.address))

    def _give_resources(self) -> None:
        """Give the process what the objects have of resources, of which most have none."""
        from uruk.program.reading import Objects

        objects = [item for item in self._inputs if isinstance(item, Objects)]
        if any(item.buffer.find(b".rsrc") >= 0 for item in objects):
            from uruk.program.windows.resources import give_resources  # for few programs

            triple = self.executor.process.triple
            give_resources(self.executor.runtime, objects, Target.of_triple(triple).architecture)

    def check(self, linker: ProgramLinker) -> None:
        """Raise LinkError if the program's own objects have two C runtimes. The program is linked, and not begun."""
        imports = linker.session.imports.first.items()
        check_alone(self.runtime, ((name.decode("utf-8", "replace"), library) for library, name in imports))

    def run(self, jit: ProgramLinker, entry: int, *, starts: bool = False) -> int:
        """See `Place.run`; Windows's exit status has 32 bits, of which wine gives 8.

        No start code finds arguments on its stack there.
        """
        child = self.executor.child
        if self._driver is not Driver.MICROSOFT:
            self._do_as_start_files(jit)
        # MinGW's start files set the x87's precision to 64 bits before main; those of Microsoft leave it at 53.
        arguments = entry, self._kind, int(self._driver is not Driver.MICROSOFT)
        # An executor that was connected to goes on serving: main() is a call there, and its process does not end with
        # it.
        if child is None:
            return self.executor.call(self.executor.runtime.address[b"uruk_rt_call_main"], *arguments) & 0xFF
        self.executor.run_program(*arguments)
        status = child.wait()
        self.executor.connection.wait_for_end(1.0)  # the listener reads what the process said of a crash
        return status

    def _do_as_start_files(self, jit: ProgramLinker) -> None:
        """Do what MinGW's start files do with variables that the program defines."""
        process = self.executor.process
        for name in _MODES:
            if jit.main.defines(name):
                value = process.read(jit.lookup(name).address, 4)
                self._started.set_number(name.encode(), int.from_bytes(value, "little"))
