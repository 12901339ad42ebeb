"""The mapper for memory that this process and the executor share: what is written here is there.

The pages are mapped twice: here always writable, never executable; there as their protection says. So a page is never
writable and executable in one process.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import mmap
import os
from collections.abc import Sequence
from dataclasses import dataclass

from uruk.errors import AllocationError
from uruk.memory.epc import LARGEST, WRITABLE, RemoteMapper, RemoteMemory
from uruk.memory.mapper import Protection, Range

_MADV_REMOVE = 9
_FOLDER = "/dev/shm"
_UNSEEN = (errno.ENOENT, errno.EACCES, errno.EPERM)
"""The executor's errors where it cannot see what this process has made."""
_serials = itertools.count(1)


@dataclass(eq=False, repr=False)
class MemoryObject:
    """Memory that other processes can map: `path` names it to those of this machine. Use it as a context."""

    file: int
    path: str
    temporary: bool

    def __enter__(self) -> MemoryObject:
        return self

    def __exit__(self, *_: object) -> None:
        """The other side has mapped it, or never will: only mappings keep it from now on."""
        os.close(self.file)
        if self.temporary:
            with contextlib.suppress(OSError):
                os.unlink(self.path)


def memory_file(size: int) -> MemoryObject:
    """A memory object without a name in any folder (memfd_create): nothing is left of it, whoever dies when."""
    file = os.memfd_create("uruk", os.MFD_CLOEXEC)
    os.ftruncate(file, size)
    return MemoryObject(file, f"/proc/{os.getpid()}/fd/{file}", False)


def posix_object(size: int) -> MemoryObject:
    """A POSIX shared-memory object (shm_open), for executors that cannot see this process's descriptors."""
    path = f"{_FOLDER}/uruk-{os.getpid()}-{next(_serials)}-{os.urandom(6).hex()}"
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    os.ftruncate(file, size)
    return MemoryObject(file, path, True)


OBJECTS = {"memfd": memory_file, "posix": posix_object}
"""Kinds of memory objects, in the order in which they are tried."""


class SharedMapper(RemoteMapper):
    """Memory that is shared with another process of this machine; see `uruk.memory.mapper.Mapper`.

    `kind`: of `OBJECTS`; by default the first that the executor can map.
    """

    sends_content = False

    def __init__(self, process: RemoteMemory, kind: str = "") -> None:
        super().__init__(process)
        self._kinds = [kind] if kind else list(OBJECTS)

    def reserve(self, size: int, low: int = 0, high: int = 0) -> int:
        """See `Mapper.reserve`."""
        if size > LARGEST:
            raise AllocationError(f"cannot reserve {size:#x} bytes: no address space is so large")
        problem = ""
        for kind in list(self._kinds):
            try:
                with OBJECTS[kind](size) as one:
                    memory = mmap.mmap(one.file, size)
                    got = self.process.call(b"uruk_rt_memory_map", os.fsencode(one.path) + b"\0", size, low, high)
            except OSError as error:
                problem = f"{kind}: {error.strerror}"
                continue
            if -got in _UNSEEN:
                problem = f"{kind}: {os.strerror(-got)} there"
                continue
            if -4096 < got < 0:
                raise AllocationError(f"cannot map {size:#x} bytes of shared memory: {os.strerror(-got)}")
            self._kinds = [kind]
            return self.reservations.add(got, size, memory)
        raise AllocationError(f"no memory can be shared with the executor ({problem}); use the mapper over the wire")

    def initialize(self, ranges: Sequence[Range], protection: Protection) -> None:
        """See `Mapper.initialize`."""
        if protection != WRITABLE:
            self._protect(ranges, protection)

    def deinitialize(self, ranges: Sequence[Range]) -> None:
        """See `Mapper.deinitialize`: the pages are taken out of the object, so that they are zero on both sides."""
        self.reservations.give_up(ranges, _MADV_REMOVE)
