"""The link of this process's runtime, by uruk itself, from the runtime archive."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from uruk.executor.control import Runtime
from uruk.executor.inprocess import InProcessExecutor
from uruk.executor.this_process import THIS_PROCESS
from uruk.graph.types import I64, Bool, signed
from uruk.memory.inprocess import InProcessMapper
from uruk.memory.manager import SlabManager
from uruk.orc.registry.search import ArchiveEntry
from uruk.orc.session import Session
from uruk.platforms.bare import BarePlatform
from uruk.platforms.linux.frames import announce
from uruk.platforms.linux.libraries_here import LibrariesHere
from uruk.platforms.linux.process_symbols import find_symbol, load_library
from uruk.platforms.linux.runtime_archive import UNWINDER, function_names, open_runtime
from uruk.platforms.linux.slabs_here import InProcessSlabs

if TYPE_CHECKING:
    from uruk.link import Linked
    from uruk.orc.registry.tracker import ResourceTracker

SLAB = 16 << 20


def columns(addresses: Iterable[int]) -> tuple[I64, Bool]:
    """Return addresses of functions as `Platform.find` returns them."""
    column = np.array([signed(address) for address in addresses], np.int64)
    return column, np.zeros(column.size, np.bool_)


class _ThisProcess(BarePlatform):
    """Names of this process. Unwind data of the runtime is registered: it is below a first call of a lazy function, for
    debuggers and profilers."""

    def find(self, names: Sequence[bytes]) -> tuple[I64, Bool]:
        return columns(find_symbol(None, name) for name in names)

    def loaded(self, linked: Linked, trackers: Sequence[ResourceTracker]) -> None:
        announce(linked, _register_frames)


def _register_frames(address: int) -> None:
    """Register an `.eh_frame` before there is a runtime, where that registers others: see runtime/linux/unwind.c.

    Both functions take a whole `.eh_frame` that ends in a terminator (libgcc, unwind-dw2-fde.c; libunwind.cpp).
    """
    preloaded = find_symbol(None, b"__unw_add_dynamic_eh_frame_section")
    register = (
        ctypes.CFUNCTYPE(None, ctypes.c_void_p)(preloaded)
        if preloaded
        else ctypes.CDLL(UNWINDER, handle=load_library(UNWINDER))["__register_frame"]
    )
    register.argtypes, register.restype = [ctypes.c_void_p], None
    register(address)


def link_runtime() -> tuple[Session, Runtime]:
    """Link the runtime; return it, and the session that it was linked by, which is never to be closed."""
    memory = SlabManager(InProcessMapper(InProcessSlabs()), SLAB)
    executor = InProcessExecutor(memory, LibrariesHere(memory))
    session = Session(executor, _ThisProcess(executor))
    dylib = session.create_dylib("runtime")
    # As compiler builtins: only members that the names below need are linked.
    tracker = dylib.create_tracker("uruk runtime")
    dylib.search.builtins = ArchiveEntry(open_runtime(), tracker, 0, set())
    names = function_names(open_runtime())
    answers = session.lookup(dylib, names, roots=False)
    return session, Runtime(THIS_PROCESS, {name: address for name, (address, _) in zip(names, answers, strict=True)})
