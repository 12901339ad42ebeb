"""The systems that there are platforms for, where nothing of a process or a session says which one is meant."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from uruk.errors import UnknownTarget
from uruk.machines import EXECUTOR_TARGETS
from uruk.orc.platform import Platform, ReadLines
from uruk.target import Target

if TYPE_CHECKING:
    import threading

    from uruk.executor.control import Runtime
    from uruk.executor.interface import Executor
    from uruk.executor.lazy_stubs import LazyStubs
    from uruk.executor.native_calls import NativeCalls
    from uruk.executor.remote import RemoteExecutor
    from uruk.memory.interface import Memory
    from uruk.orc.session import Session
    from uruk.platforms.jit_dlopen import JITLoader


class SystemProcess(Protocol):
    """The process of a session's executor, as any system has it."""

    @property
    def runtime(self) -> Runtime:
        """The uruk runtime in it."""
        ...

    def callback(self, text: str, function: Callable[..., int]) -> tuple[int, object]:
        """Return the address of a function of C type `text` that calls a Python function, and what keeps it alive."""
        ...

    def guard(self, address: int) -> int:
        """Return an address for linked code that stands for a Python function's, until the interpreter has ended."""
        ...

    def native_calls(self) -> NativeCalls | None:
        """Return the maker of function objects that call linked code from C; None where the process is another one."""
        ...

    def lazy_stubs(
        self,
        resolve: Callable[[int], int],
        on_error: Callable[[int, BaseException], object],
        lock: threading.RLock | None = None,
    ) -> LazyStubs:
        """Return lazy stubs close to linked code; see `uruk.executor.lazy_stubs.LazyStubs`. Raises UrukError."""
        ...


class SystemPlatform(Platform, Protocol):
    """A platform with a runtime."""

    jit_loader: JITLoader | None
    """dlopen of the session's dylibs, for linked code; see `uruk.platforms.jit_dlopen`."""

    @property
    def process(self) -> SystemProcess:
        """The process where code runs."""
        ...

    def plan_load(self, paths: Sequence[str], by_name: Collection[str] = ()) -> Callable[[], str]:
        """Return a function that loads libraries with all that they need, as those that a program needs.

        It returns the loader's text where that refuses, else an empty one, and may be called again. `by_name` are the
        libraries that a linker would find by their names (``-l``).
        """
        ...

    def record_for_perf(self, session: Session, lines: ReadLines) -> str:
        """Have all that a session links from now on recorded for the profiler `perf`; returns the file's path.

        `lines` gives the lines of sources of a link. Raises UrukError where that cannot be.
        """
        ...


def platform_there(executor: RemoteExecutor, linked_only_for: str | Target) -> SystemPlatform:
    """Return the platform of another process. Raises UnknownTarget for a system that uruk runs no code on."""
    system = Target.of_triple(executor.process.triple).system
    if system == "linux":
        from uruk.platforms.linux.platform import LinuxPlatform
        from uruk.platforms.linux.process_there import LinuxThere

        return LinuxPlatform(LinuxThere(executor), linked_only_for)
    if system == "windows":
        from uruk.platforms.windows.platform import WindowsPlatform
        from uruk.platforms.windows.process import WindowsProcess

        return WindowsPlatform(WindowsProcess(executor))
    raise UnknownTarget(executor.process.triple, EXECUTOR_TARGETS)


def executor_for_linking(memory: Memory) -> Executor:
    """Return this process as the executor of code that is linked into `memory` and not run; its names are found."""
    from uruk.executor.inprocess import InProcessExecutor
    from uruk.platforms.linux.libraries_here import LibrariesHere

    return InProcessExecutor(memory, LibrariesHere(memory))


def definers_of(names: Collection[bytes], thread_local: Collection[bytes], target: Target) -> dict[bytes, str]:
    """Return the definer of each name that an object for `target` lacks; empty where none is known.

    `thread_local` are those of the names that are thread-locals.
    """
    if not target.system:
        target = target.of_own_system or target
    if target.system != "linux":
        return dict.fromkeys(names, "")
    from uruk.platforms.linux.definers import definers

    return definers(names, thread_local, target)
