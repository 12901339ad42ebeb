"""The mapper for memory that is shared with another process of this machine: a byte written here is there at once.

Pages are mapped twice: here they are always writable and never executable, there they have their protection. A page is
never writable and executable in one process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from uruk.errors import AllocationError
from uruk.memory.linux.local import MADV_REMOVE, check_size, populate_memory
from uruk.memory.linux.shared_object import KINDS, OpenShared, SharedKind, SharedObject
from uruk.memory.mapper import Protection, Range, enclosing_pages, refuse_both
from uruk.memory.reservations import Reservations
from uruk.memory.runtime_memory import Functions, Process, RuntimeMemory
from uruk.memory.slab_object import SlabLoader, SlabObject, store

if TYPE_CHECKING:
    from uruk.graph.types import U8
    from uruk.memory.frame_table import Writes


class SharedMapper:
    """Memory of `process`, in which `runtime` is linked, mapped here, too; see `uruk.memory.mapper.Mapper`.

    `kind` is the kind of sharing: one of `uruk.memory.linux.shared_object.KINDS`, or a function that makes objects of
    another kind. None tries those kinds in order, and keeps to the first one that the other process can open and run
    code from. Only protections need a call. After a fork, parent and child share this memory. `loader` is the dynamic
    loader there, if slabs are to be known to it. `path_there` returns the path by which the other process opens what
    has a path here; None if they are the same.
    """

    shares_memory = True
    """Views are the memory itself."""

    def __init__(
        self,
        process: Process,
        runtime: Functions,
        kind: SharedKind | OpenShared | None = None,
        loader: SlabLoader | None = None,
        path_there: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.process = process
        self.loader = loader
        self._path_there = path_there
        self._there = RuntimeMemory(runtime, process.page_size)
        self._kinds: list[OpenShared] = list(KINDS.values())
        if kind is not None:
            self._kinds = [kind if callable(kind) else KINDS[kind]]
        self._reservations: Reservations[SharedObject] = Reservations()
        self._maker = os.getpid()

    @property
    def page_size(self) -> int:
        """See `Mapper.page_size`."""
        return self.process.page_size

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """See `Mapper.reserve`."""
        check_size(size)
        return self._share(size, lambda path: self._there.map_shared(path, size, low, high))

    def open_slab(self, zones: Sequence[int], low: int = 0, high: int = 0) -> SlabObject:
        """See `OpensSlabs.open_slab`."""
        loader = self.loader
        if loader is None:
            raise AllocationError("no dynamic loader is to know slabs")
        file = loader.plan(zones, low, high)
        opened: list[tuple[int, int, bool]] = []

        def open_there(path: bytes) -> int:
            opened[:] = [loader.open(file, path)]
            return opened[0][1]

        address = self._share(file.size, open_there)
        handle, _, unwinds = opened[0]
        write = partial(self._store, self.view(address, file.zones), address)
        close = partial(self._close_slab, loader, handle, address, file.size)
        return SlabObject(address, file, unwinds, write, close)

    def _store(self, view: U8, base: int, writes: Writes) -> None:
        # A write to a file that is full would be a SIGBUS, and `commit` is an error instead.
        self.prepare([(address, len(data)) for address, data in writes])
        store(view, base, writes)

    def _close_slab(self, loader: SlabLoader, handle: int, address: int, size: int) -> None:
        self._forget(address, size)
        loader.close(handle)

    def _share(self, size: int, map_there: Callable[[bytes], int]) -> int:
        """Share memory of the first kind that works, which `map_there` maps from a path; return its address."""
        errors: list[AllocationError] = []
        for kind in self._kinds:
            try:
                address = self._share_kind(kind, size, map_there)
            except AllocationError as error:
                errors.append(error)
                continue
            # One kind serves all slabs of a session: the first that works is not asked about again.
            self._kinds = [kind]
            return address
        raise AllocationError("; ".join(dict.fromkeys(str(error) for error in errors))) from errors[0]

    def _share_kind(self, kind: OpenShared, size: int, map_there: Callable[[bytes], int]) -> int:
        shared = kind(size)
        try:
            try:
                address = map_there(self._path_there(shared.path) if self._path_there else shared.path)
            finally:
                # The name must not stay behind, even where the other process refuses the file.
                shared.opened()
            return self._reservations.add(address, size, shared.memory, shared)
        except BaseException:
            shared.release(size)
            raise

    def view(self, address: int, size: int) -> U8:
        """See `Mapper.view`."""
        return self._reservations.view(address, size)

    def prepare(self, ranges: Sequence[Range], content: Sequence[Range] | None = None) -> None:
        """See `Mapper.prepare`. It needs no call, as the view is always writable; memory is committed in advance."""
        for address, size in enclosing_pages(ranges if content is None else content, self.page_size):
            reservation = self._reservations.find(address, size)
            reservation.owner.commit(reservation.at(address), size)

    def expect(self, ranges: Sequence[Range]) -> None:
        """See `Expects.expect`. Pages of shared memory take twice as long to make as private ones."""
        views = [self.view(address, size) for address, size in ranges]
        with suppress(RuntimeError):  # no thread can be had: pages are made as they are written
            threading.Thread(target=_make_ready, args=(views,), daemon=True, name="uruk memory").start()

    def initialize(
        self, ranges: Sequence[Range], protection: Protection, content: Sequence[Range] | None = None
    ) -> None:
        """See `Mapper.initialize`; the bytes are there already."""
        refuse_both(protection)
        # Only the other process's mapping gets it: this one's is never executed.
        self._there.protect(enclosing_pages(ranges, self.page_size), protection)

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """See `Mapper.deinitialize`. It needs no call: pages that are discarded here are zero there, too."""
        self._reservations.clear(ranges, self.page_size, MADV_REMOVE)

    def release(self, address: int, size: int) -> None:
        """See `Mapper.release`; the memory here is released even if the process is lost."""
        self._forget(address, size)
        self._there.release(address, size)

    def _forget(self, address: int, size: int) -> None:
        if os.getpid() == self._maker:  # a forked child would clear its parent's memory
            self._reservations.clear([(address, size)], self.page_size, MADV_REMOVE)
        self._reservations.cut(address, size).release(size)


def _make_ready(views: Sequence[U8]) -> None:
    """Have all pages of some memory: the views keep the mapping meanwhile."""
    for view in views:
        populate_memory(view.ctypes.data, view.size)
