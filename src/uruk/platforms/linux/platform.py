"""The ELF platform in this process: initialisers and finalisers in native order, unwind registration, the runtime."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from uruk.errors import InternalError, TLSError
from uruk.graph.types import I64, Bool, true_rows
from uruk.machines import TARGETS
from uruk.passes.elf.own_names import ARRAY_BOUNDS, PLACES
from uruk.platforms.jit_dlopen import NAMES as JIT_NAMES
from uruk.platforms.jit_dlopen import JITLoader
from uruk.platforms.linux.runtime_archive import ASKS, INTERPOSED, ITERATE, UNWINDER, lacks_builtin, open_runtime
from uruk.records import record
from uruk.target import Target, architecture_that_runs

if TYPE_CHECKING:
    from uruk.executor.control import Runtime
    from uruk.executor.lazy_stubs import LazyStubs
    from uruk.executor.library_symbols import FoundSymbols
    from uruk.formats.archive import Archive
    from uruk.link import Linked
    from uruk.orc.platform import Platform
    from uruk.orc.registry.tracker import FunctionArray, Released, ResourceTracker
    from uruk.orc.session import Session
    from uruk.platforms.linux.process import LinuxProcess

# glibc has these in libc_nonshared.a, as each knows its module by the `__dso_handle` that it is linked with.
PRIVATE = frozenset({b"atexit", b"at_quick_exit", b"pthread_atfork", b"__pthread_atfork"})
# std::call_once hands its function over in the first two, thread-locals; `__once_proxy` calls it (gcc, mutex.cc).
CALL_ONCE = (b"_ZSt15__once_callable", b"_ZSt11__once_call")
ONCE_TRIO = frozenset({*CALL_ONCE, b"__once_proxy"})
_START_FILE = "start files (crt1.o, crti.o, crtbegin.o) define it, in whose place uruk starts the program"
_HEADERS = "linked code has no file with headers of its own: ask dl_iterate_phdr() for the object that it lies in"
_TABLES = "only a linked program file has it: uruk resolves IFUNCs and stubs itself"
_ARRAYS = "there is no such array where a `.ctors' or `.dtors' section has several functions, which run backwards"
OF_THE_PROGRAM = {
    b"main": "no input defines it",
    **dict.fromkeys(
        b"_start _init _fini __libc_csu_init __libc_csu_fini _IO_stdin_used __TMC_END__".split(), _START_FILE
    ),
    **dict.fromkeys((b"__ehdr_start", b"_DYNAMIC", b"__GNU_EH_FRAME_HDR"), _HEADERS),
    **dict.fromkeys((b"_PROCEDURE_LINKAGE_TABLE_", b"__rela_iplt_start", b"__rela_iplt_end"), _TABLES),
    **dict.fromkeys(ARRAY_BOUNDS, _ARRAYS),
    **dict.fromkeys(PLACES, ""),
}
"""Names that each program has for itself, and what to say where nothing defines them: this process's are the
interpreter's, and never meant."""
SIGNAL_FUNCTIONS = frozenset({b"sigaction", b"signal", b"sigaltstack", b"_gfortran_set_options"})
"""Names that runtime/linux/signals.c and trampolines.c define: uruk's own handlers come before a program's, unseen."""
_INTERPOSED = SIGNAL_FUNCTIONS | frozenset(INTERPOSED) | ASKS | {ITERATE}
_INTERPOSED_WITH_DLOPEN = _INTERPOSED | frozenset(JIT_NAMES)
LIBSTDCXX = "libstdc++.so.6"

if TYPE_CHECKING:
    from uruk.orc.platform import ReadLines
    from uruk.platforms.linux.rows import LinuxRows


@record
class Program:
    """The arguments that initialisers get, as ld.so passes them; `envp` 0 means the process's own."""

    argc: int = 0
    argv: int = 0
    envp: int = 0


class LinuxPlatform:
    """Runs what ELF objects ask for in a process; see `uruk.orc.platform.Platform`.

    `architecture`: that of the objects; the process's by default. There is no runtime for a `Target` of another
    system's, or of none.
    """

    over_libraries = ONCE_TRIO
    over_archives = frozenset[bytes]()

    def __init__(self, process: LinuxProcess, architecture: str | Target = "") -> None:
        self.process = self.host = process
        self.executor = process.executor
        target = architecture or self.executor.process.triple
        own = not isinstance(target, Target) or str(target) in TARGETS
        self.private_names = PRIVATE if own else frozenset[bytes]()
        self._architecture = architecture_that_runs(str(target)) if own else ""
        self.archive: Archive | None = open_runtime(self._architecture) if own else None
        self.program = Program()
        self.jit_loader: JITLoader | None = None
        """dlopen of the session's dylibs, for linked code; see `uruk.platforms.jit_dlopen`."""
        self.replacements: dict[bytes, bytes] = {}
        """Functions of libraries in whose place linked code gets the runtime's, by its names: dlopen and dlsym."""
        self.replaced: set[bytes] = set()
        """Those of them that linked code refers to."""
        self._rows: LinuxRows | None = None
        self._libgcc = 0
        self._asked_for_storage = False
        self._shown: set[int] = set()
        """Modules of thread-locals that the slab's object is shown with."""

    @property
    def runtime(self) -> Runtime:
        """The runtime in the process."""
        return self.process.runtime

    @property
    def interposed_names(self) -> frozenset[bytes]:
        """See `Platform.interposed_names`."""
        # One set or the other: this is asked for each name that no linked code defines.
        names = _INTERPOSED if self.jit_loader is None else _INTERPOSED_WITH_DLOPEN
        return names | self.replacements.keys() if self.replacements else names

    def interposed(self, name: bytes) -> int:
        """See `Platform.interposed`."""
        if self.jit_loader is not None and name in JIT_NAMES:
            return self.jit_loader.address(name)
        if name in self.replacements:
            self.replaced.add(name)
            return self.runtime.address[self.replacements[name]]
        if name == ITERATE or name in ASKS:
            self._asked_for_storage = True
            # The functions of ASKS stay the libraries' own; see `shown_storage`.
            return self.runtime.address[b"uruk_rt_" + ITERATE] if name == ITERATE else 0
        if name in SIGNAL_FUNCTIONS:
            return self.runtime.address[b"uruk_rt_" + name]
        return self.runtime.address[name] if name in INTERPOSED else 0

    def absent_import(self, handle: int, library: str, name: bytes) -> int:
        """See `Platform.absent_import`."""
        return 0

    def wants_builtin(self, name: bytes) -> bool:
        """Return True for the archive's own functions; for arithmetic only where libgcc_s lacks it."""
        if name in INTERPOSED:
            return False
        if name in ONCE_TRIO:
            return not self._once_is_static()
        return not self.executor.libraries.find_symbol(self._gcc_handle(), name)[0] or name.startswith(b"__cpu_")

    def builtins_with(self, name: bytes) -> Archive | None:
        """See `Platform.builtins_with`."""
        if self.archive is None or not lacks_builtin(self.archive, name):
            return None
        from uruk.platforms.linux.compiler_builtins import compilers_builtins  # it takes longer than many links

        return compilers_builtins(name, self._architecture)

    def _gcc_handle(self) -> int:
        if not self._libgcc:
            self._libgcc = self.executor.libraries.load(UNWINDER)
        return self._libgcc

    def _once_is_static(self) -> bool:
        """Return True if code can be bound to libstdc++'s std::call_once variables."""
        try:
            return all(self.process.tls.is_static(name, LIBSTDCXX) for name in CALL_ONCE)
        except TLSError:
            return False

    def find(self, names: Sequence[bytes]) -> tuple[I64, Bool]:
        """See `Platform.find`: the process, then libgcc, which has no C++ names."""
        from uruk.executor.library_symbols import FoundSymbols  # a session that was only opened looks nothing up

        rows = [row for row, name in enumerate(names) if name not in OF_THE_PROGRAM]
        symbols = FoundSymbols.nothing(len(names))
        self._find_in(None, names, rows, symbols)
        # dlsym gives the address that a thread-local has in this thread, which lies in no library.
        odd: list[int] = true_rows((symbols.address != 0) & ~symbols.is_data & ~symbols.in_library).tolist()
        for row in odd:
            self._refuse_thread_local(names[row])
        # gcc links libgcc into everything; it defines nothing of C++, whose names begin with _Z.
        lacking = [row for row in rows if not symbols.address[row] and not names[row].startswith(b"_Z")]
        if lacking:
            self._find_in(self._gcc_handle(), names, lacking, symbols)
        return symbols.address, symbols.is_data

    def _find_in(self, handle: int | None, names: Sequence[bytes], rows: list[int], symbols: FoundSymbols) -> None:
        """Look some of the names up in one library, or the process."""
        if rows:
            answer = self.executor.libraries.find_symbols([handle], [names[row] for row in rows])
            symbols.address[rows], symbols.is_data[rows] = answer.address, answer.is_data
            symbols.in_library[rows] = answer.in_library

    def _refuse_thread_local(self, name: bytes) -> None:
        """Raise TLSError for a library's thread-local that code takes for ordinary: what was found is this thread's."""
        library = self.find_tls(name, ())
        if library:
            text = name.decode("utf-8", "replace")
            problem = f"is thread-local in {library}, but this code takes it for an ordinary variable"
            raise TLSError(f"`{text}'", problem, "include the header that declares it")

    def find_tls(self, name: bytes, libraries: Sequence[int]) -> str:
        """See `Platform.find_tls`."""
        return self.process.find_tls(name, libraries)

    def library_loaded(self, path: str) -> None:
        """Bind what must be bound straight after a library came: libstdc++'s std::call_once variables."""
        if LIBSTDCXX in path:
            self._once_is_static()

    def plan_load(self, paths: Sequence[str], by_name: Collection[str] = ()) -> Callable[[], str]:
        """See `uruk.platforms.systems.SystemPlatform.plan_load`."""
        from uruk.platforms.linux.together import load_together, plan_needs  # seldom needed

        needed, folders = plan_needs(paths, by_name)  # once: it reads all of the libraries' dynamic sections
        return lambda: load_together(self.runtime, needed, folders) if needed else ""

    def loaded(self, linked: Linked, trackers: Sequence[ResourceTracker]) -> None:
        """See `Platform.loaded`."""
        state = linked.state
        if state.graph.trampolines:  # nested functions: their trampolines lie on a stack that is not executable
            self.runtime.call(b"uruk_rt_run_trampolines")
        from uruk.platforms.linux.frames import announce  # a session that has linked nothing does without

        published, registered = announce(linked, self.process.register_frames)
        for row, address in registered:
            trackers[row].resources.frames.append(address)
        for row, code in published:
            trackers[row].resources.entries.append(code)
        if self._asked_for_storage:
            self._asked_for_storage = False
            from uruk.platforms.linux.tls import shown_storage  # little code asks

            shown_storage.show(linked, trackers, self.runtime, self._shown)

    def for_rows(self) -> LinuxRows:
        """See `Platform.for_rows`."""
        if self._rows is None:
            from uruk.platforms.linux.rows import LinuxRows  # the first link of a process goes through the columns

            self._rows = LinuxRows(self.process, lambda: self.interposed_names, OF_THE_PROGRAM)
        return self._rows

    def record_for_perf(self, session: Session, lines: ReadLines) -> str:
        """See `SystemPlatform.record_for_perf`."""
        from uruk.platforms.linux.perf.recorder import Recorder  # few sessions are profiled

        recorder = Recorder(session.executor, lines)
        session.add_pass("post-fixup", recorder.note)
        return recorder.path

    def deregister_frames(self, address: int) -> None:
        """See `Platform.deregister_frames`."""
        self.process.deregister_frames(address)

    def register_names(self, linked: Linked, trackers: Sequence[ResourceTracker], rows: I64) -> None:
        """See `Platform.register_names`."""
        from uruk.platforms.linux.loader_names import tell  # a session that names nothing starts without it

        tell(linked, trackers, rows)

    def arrays(
        self, linked: Linked, trackers: Sequence[ResourceTracker], order: Sequence[tuple[int, int]]
    ) -> list[FunctionArray]:
        """See `Platform.arrays`."""
        from uruk.platforms.linux.function_arrays import arrays  # a session that has linked nothing has none

        return arrays(linked, trackers, order)

    def initialize(self, arrays: Sequence[FunctionArray]) -> None:
        """See `Platform.initialize`."""
        arrays = sorted((array for array in dict.fromkeys(arrays) if not array.begun), key=_when)
        initial = [array for array in arrays if not array.final]
        final = [array for array in arrays if array.final]
        if not initial and not final:
            return
        for tracker, group in groupby(final, key=attrgetter("tracker")):
            # As __cxa_atexit has it: what is registered last runs first, whatever tracker it is of.
            self._run_now(b"uruk_rt_register_finalizers", list(group), tracker.resources.module_handle or 0)
        program = self.program
        self._run_now(b"uruk_rt_run_initializers", initial, program.argc, program.argv, program.envp)

    def _run_now(self, name: bytes, arrays: Sequence[FunctionArray], *rest: int) -> None:
        """Pass arrays to a function of the runtime; where Ctrl-C comes before that is called, they have not begun."""
        functions = [function for array in arrays for function in array.functions]
        begun = bytearray(8)
        try:
            for array in arrays:
                array.begun = True
            self.runtime.call_with_array(name, functions, *rest, begun)
        except BaseException:
            if not any(begun) and self.executor.process.is_here:  # elsewhere it is known with the answer only
                for array in arrays:
                    array.begun = False
            raise

    def pending(self, tracker: ResourceTracker) -> int:
        """See `Platform.pending`."""
        if self.executor.lost:
            return 0
        handles = tracker.resources.module_handles
        return sum(self.runtime.call(b"uruk_rt_pending_thread_atexit", handle) for handle in handles)

    def finalize(self, trackers: Sequence[ResourceTracker]) -> None:
        """See `Platform.finalize`; one call for all of them."""
        handles = [handle for tracker in trackers for handle in tracker.resources.module_handles]
        if handles and not self.executor.lost:
            # Here Ctrl-C waits until the call is over. Elsewhere it may end the wait for the answer, and
            # `await_finalizers` waits for the rest, which the runtime has noted.
            is_here = self.executor.process.is_here
            self.runtime.call_with_array(b"uruk_rt_finalize" if is_here else b"uruk_rt_finalize_noted", handles)

    def keep_finalizers(self, old: ResourceTracker, owner: ResourceTracker) -> None:
        """See `Platform.keep_finalizers`: they are registered by handles, which lie beside the variables."""

    def await_finalizers(self, tracker: ResourceTracker) -> None:
        """See `Platform.await_finalizers`."""
        if tracker.resources.module_handles and not self.executor.process.is_here and not self.executor.lost:
            self.runtime.call_with_array(b"uruk_rt_await_finalizers", tracker.resources.module_handles)

    def unload(self, tracker: ResourceTracker, released: Released) -> None:
        """See `Platform.unload`."""
        resources = tracker.resources
        for names, symbols in resources.names:
            names.remove(symbols)
        resources.names.clear()
        for address in resources.frames:
            self.process.deregister_frames(address)
            released.unwind_registrations += 1
        resources.frames.clear()
        for table, start in resources.entries:
            table.retract(start)
            released.unwind_registrations += 1
        resources.entries.clear()
        for storage in reversed(resources.storage):  # glibc takes back static storage from the end of its area only
            if storage.module_id in self._shown:
                self._shown.remove(storage.module_id)
                self.runtime.call(b"uruk_rt_hide_storage", storage.module_id)
            released.tls_not_recovered += storage.close()
        resources.storage.clear()

    def note_removed(self, start: int, end: int, name: str) -> None:
        """See `Platform.note_removed`."""
        from uruk.platforms.linux.removed_calls import raise_removed

        raise_removed(self.runtime)
        self.runtime.call(b"uruk_rt_note_removed", start, end, name.encode() + b"\0")

    def forget_removed(self, start: int, end: int) -> None:
        """See `Platform.forget_removed`."""
        self.runtime.call(b"uruk_rt_forget_removed", start, end)

    def lazy_stubs(self, resolve: Callable[[int], int], on_error: Callable[[int, BaseException], object]) -> LazyStubs:
        """See `Platform.lazy_stubs`."""
        return self.process.lazy_stubs(resolve, on_error)

    def find_in_threads(self, ranges: Sequence[tuple[int, int]]) -> list[bool] | None:
        """See `Platform.find_in_threads`."""
        from uruk.platforms.thread_search import find_in_threads  # for removals

        return find_in_threads(self.runtime, ranges) if not self.executor.lost else [False] * len(ranges)

    def close(self) -> None:
        """See `Platform.close`."""
        self.process.close()


def linux_platform(platform: Platform) -> LinuxPlatform:
    """Return a platform that is known to be Linux's. Raises InternalError for any other."""
    if isinstance(platform, LinuxPlatform):
        return platform
    raise InternalError(f"a session of Linux's has {type(platform).__name__}")


class UnrunLinuxPlatform(LinuxPlatform):
    """The same for code that no process runs: it has the runtime archive, and no names of a process.

    So what is linked depends on its inputs only. What the runtime stands for, others must define (`atexit` handlers'
    ``__cxa_atexit``, for instance).
    """

    @property
    def interposed_names(self) -> frozenset[bytes]:
        """See `Platform.interposed_names`."""
        return frozenset()

    def wants_builtin(self, name: bytes) -> bool:
        """See `Platform.wants_builtin`."""
        return name not in INTERPOSED and name not in ONCE_TRIO

    def find(self, names: Sequence[bytes]) -> tuple[I64, Bool]:
        """See `Platform.find`."""
        from uruk.executor.library_symbols import FoundSymbols

        return FoundSymbols.nothing(len(names)).columns

    def find_tls(self, name: bytes, libraries: Sequence[int]) -> str:
        """See `Platform.find_tls`."""
        return ""

    def plan_load(self, paths: Sequence[str], by_name: Collection[str] = ()) -> Callable[[], str]:
        """See `uruk.platforms.systems.SystemPlatform.plan_load`: their constructors do not run, in whatever order."""
        return lambda: ""


def _when(array: FunctionArray) -> tuple[int, int, tuple[int, int]]:
    """Return the key of ld's order: .preinit_array, then .init_array.N and .ctors.M (of priority 65535 - M), the rest.

    Equals keep the order of the inputs.
    """
    return 0 if array.early else 1, array.priority, array.order


def environment_at_start() -> list[bytes]:
    """Return the environment with which this process was started, before the interpreter changed it."""
    # The kernel shows the memory that exec filled; setenv() puts new values elsewhere (proc(5)).
    with open("/proc/self/environ", "rb") as file:
        return [entry for entry in file.read().split(b"\0") if entry]
