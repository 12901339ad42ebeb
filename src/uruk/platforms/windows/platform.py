"""The COFF platform in a process of Windows: initialisers and finalisers, unwind data, and names of DLLs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from uruk.errors import AllocationError, LibraryError, UrukError
from uruk.executor import answers
from uruk.executor.lazy_stubs import LazyStubs
from uruk.link import Linked
from uruk.orc.registry.tracker import FunctionArray, Released, ResourceTracker
from uruk.orc.session import Session
from uruk.platforms.bare import BarePlatform
from uruk.platforms.current_runtime import open_current
from uruk.platforms.jit_dlopen import NAMES as JIT_NAMES
from uruk.platforms.jit_dlopen import JITLoader
from uruk.platforms.thread_search import find_in_threads
from uruk.platforms.windows.carriers import Carrier
from uruk.platforms.windows.function_arrays import arrays_of, is_destructor
from uruk.platforms.windows.modules import modules_of
from uruk.platforms.windows.process import WindowsProcess
from uruk.target import Target

_STATICS = frozenset({b"_Init_thread_epoch", b"_Init_thread_header", b"_Init_thread_footer", b"_Init_thread_abort"})
_THREADS = frozenset({b"__tlregdtor", b"__dyn_tls_init", b"__dyn_tls_on_demand_init", b"__tls_guard"})
_KEYS = frozenset({b"__mingwthr_key_dtor", b"__mingwthr_remove_key_dtor"})
"""Of gcc's win32 thread model: libmingw32.a's run from an object that only start files link."""
_OF_RUNTIME = {
    b"_CxxThrowException": b"uruk_rt_cxx_throw",
    **{name: name for name in (b"uruk_rt_static_begin", b"uruk_rt_static_end", b"uruk_rt_static_abort")},
    b"atexit": b"uruk_rt_atexit",
    b"__main": b"uruk_rt_nothing",
    b"__mingw_raise_matherr": b"uruk_rt_nothing",
    b"__cxa_thread_atexit": b"uruk_rt_thread_atexit",
    b"GetCommandLineA": b"uruk_rt_command_line",
    b"GetCommandLineW": b"uruk_rt_wide_command_line",
}
"""Names that are the runtime's whatever DLLs have -> its functions. Start files and libmingw32.a define `atexit`,
`__main` and `__mingw_raise_matherr` for native programs; `__main` runs initialisers there."""


class WindowsPlatform(BarePlatform):
    """Runs what COFF objects ask for in a process of Windows; see `uruk.orc.platform.Platform`."""

    private_names = _STATICS | _THREADS | _KEYS

    def __init__(self, process: WindowsProcess) -> None:
        super().__init__(process.executor)
        self.host = self.process = process
        self.runtime = process.runtime
        target = Target.of_triple(process.executor.process.triple)
        self.archive = open_current(f"{target.architecture}-{target.system}")
        self.over_archives = frozenset({b"__cxa_thread_atexit"})
        """See `Platform.over_archives`. A program has none: its code stays, and its libraries say in what order."""
        self.jit_loader: JITLoader | None = None
        """dlopen of the session's dylibs, for linked code; see `uruk.platforms.jit_dlopen`."""

    @property
    def interposed_names(self) -> Collection[bytes]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """See `Platform.interposed_names`."""
        return _OF_RUNTIME.keys() | (JIT_NAMES if self.jit_loader is not None else ())

    def interposed(self, name: bytes) -> int:
        """See `Platform.interposed`."""
        if name in _OF_RUNTIME:
            return self.runtime.address[_OF_RUNTIME[name]]
        return self.jit_loader.address(name) if self.jit_loader is not None and name in JIT_NAMES else 0

    def absent_import(self, handle: int, library: str, name: bytes) -> int:
        """See `Platform.absent_import`: wine's loader stops programs that call what its DLLs lack, and only then."""
        names = library.encode() + b"\0" + name + b"\0"
        return self.runtime.call(b"uruk_rt_absent_function", handle, names, len(names)) & (1 << 64) - 1

    def plan_load(self, paths: Sequence[str], by_name: Collection[str] = ()) -> Callable[[], str]:
        """See `uruk.platforms.systems.SystemPlatform.plan_load`: DLLs name those that they need."""

        def load() -> str:
            try:
                for path in paths:
                    self.executor.libraries.load(path)
            except LibraryError as error:
                return error.problem
            return ""

        return load

    def loaded(self, linked: Linked, trackers: Sequence[ResourceTracker]) -> None:
        """See `Platform.loaded`: thread-locals come last, as their functions run now, and may throw.

        Raises AllocationError where the process has no memory for its unwind data, TLSError.
        """
        base = linked.allocation.image_base
        # Windows asks the runtime about a range of addresses, and one range a slab serves all modules in it.
        size = next(slab.size for slab in self.process.executor.memory.slabs if slab.base == base)
        for module in modules_of(linked):
            place = (base, size, module.start, module.size)
            record = self.runtime.call(b"uruk_rt_register_module", *place, module.functions, module.entries)
            if not record:
                raise AllocationError(f"the executor has no memory for the unwind data of {module.entries} functions")
            trackers[module.row].resources.frames.append(answers.handle(record))
        for storage in linked.storage.values():
            if isinstance(storage, Carrier):
                storage.open()

    def arrays(
        self, linked: Linked, trackers: Sequence[ResourceTracker], order: Sequence[tuple[int, int]]
    ) -> list[FunctionArray]:
        """See `Platform.arrays`."""
        return arrays_of(linked, trackers, order)

    def initialize(self, arrays: Sequence[FunctionArray]) -> None:
        """See `Platform.initialize`."""
        waiting = [array for array in dict.fromkeys(arrays) if not array.begun]
        arrays = sorted(waiting, key=lambda array: (array.priority, array.order))
        for array in arrays:
            # They are marked before any of them runs: an initialiser that opens the dylib again must not run it twice.
            array.begun = True
        # `.CRT$XP` and `.CRT$XT` run after everything that initialisers give to atexit: registered first, run last.
        self._register([array for array in arrays if array.final and not is_destructor(array)])
        initial = [function for array in arrays if not array.final for function in array.functions]
        if initial:
            self.runtime.call_with_array(b"uruk_rt_run_initializers", initial)
        # natively `__main` registers `.dtors` behind `.ctors`, so that they run before what these gave to atexit
        self._register([array for array in arrays if is_destructor(array)])

    def _register(self, arrays: Sequence[FunctionArray]) -> None:
        """Have finalisers run in this order; what is registered last runs first."""
        for array in reversed(arrays):
            frames = array.tracker.resources.frames
            # A module without code has no record, and no function to run.
            if frames:
                self.runtime.call_with_array(b"uruk_rt_register_finalizers", array.functions[::-1], frames[0])

    def pending(self, tracker: ResourceTracker) -> int:
        """See `Platform.pending`."""
        if self.executor.lost:
            return 0
        frames = tracker.resources.frames
        return sum(self.runtime.call(b"uruk_rt_pending_thread_atexit", module) for module in frames)

    def finalize(self, trackers: Sequence[ResourceTracker]) -> None:
        """See `Platform.finalize`; in the order of the trackers."""
        for tracker in trackers:
            modules = [*tracker.resources.module_handles, *tracker.resources.frames]
            if modules and not self.executor.lost:
                self.runtime.call_with_array(b"uruk_rt_finalize", modules)

    def keep_finalizers(self, old: ResourceTracker, owner: ResourceTracker) -> None:
        """See `Platform.keep_finalizers`: they are registered by modules. The owner has a number that is none, as a
        handle."""
        modules, handles = old.resources.frames, owner.resources.module_handles
        if modules and not self.executor.lost:
            array = b"".join(module.to_bytes(8, "little") for module in modules)
            heir = handles[0] if handles else 0
            handles[:1] = [answers.handle(self.runtime.call(b"uruk_rt_hand_on", array, len(modules), heir))]

    def find_in_threads(self, ranges: Sequence[tuple[int, int]]) -> list[bool] | None:
        """See `Platform.find_in_threads`."""
        return find_in_threads(self.runtime, ranges) if not self.executor.lost else [False] * len(ranges)

    def record_for_perf(self, session: Session, lines: object) -> str:
        """See `uruk.platforms.systems.SystemPlatform.record_for_perf`. Raises UrukError: perf is Linux's."""
        raise UrukError("perf support: perf is a profiler of Linux, and this session's code runs on Windows")

    def for_rows(self) -> None:
        """See `Platform.for_rows`."""

    def deregister_frames(self, address: int) -> None:
        """See `Platform.deregister_frames`; the address is that of the runtime's own record of a module."""
        self.runtime.call(b"uruk_rt_deregister_module", address)

    def lazy_stubs(self, resolve: Callable[[int], int], on_error: Callable[[int, BaseException], object]) -> LazyStubs:
        """See `Platform.lazy_stubs`."""
        return self.process.lazy_stubs(resolve, on_error)

    def close(self) -> None:
        """See `Platform.close`."""
        self.process.close()

    def unload(self, tracker: ResourceTracker, released: Released) -> None:
        """See `Platform.unload`."""
        # Storage goes before unwind data: the callbacks that end it are linked code, and may throw.
        for storage in reversed(tracker.resources.storage):
            released.tls_not_recovered += storage.close()
        tracker.resources.storage.clear()
        for address in tracker.resources.frames:
            self.deregister_frames(address)
            released.unwind_registrations += 1
        tracker.resources.frames.clear()
