"""The dynamic loader of this process, for carriers of thread-local storage, and these carriers.

    load_carrier(image, memory_size, alignment, static=True) -> LoadedCarrier

A carrier is written to a memory file and opened with ``dlopen``. Two facts shape its path. For glibc an object whose
path string equals a loaded one's *is* that one (2.36, elf/dl-load.c), so that every carrier gets its own spelling of
the same path. And other code opens the paths of loaded objects (libbacktrace maps them all, and reads their headers),
so that the descriptor in the path stays ours: its number is never reused, and between loads it is an object without
anything.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import threading
from collections.abc import Sequence

from uruk.errors import TLSError
from uruk.formats.elf.loadable import MACHINES, empty_object
from uruk.platforms.linux.tls import refusal as tls_refusal
from uruk.platforms.linux.tls.carriers import Carriers
from uruk.platforms.linux.tls.carriers import LoadedCarrier as LoadedCarrier
from uruk.target import HERE

_RTLD_NOW = 2
_RTLD_DI_LINKMAP = 2
_LEAST_NUMBER = 200
_MFD_NOEXEC_SEAL = 8  # Linux 6.3; older kernels refuse it, and then it is not needed

_libc = ctypes.CDLL(None)
_libc.dlopen.restype = ctypes.c_void_p
_libc.dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.dlclose.argtypes = [ctypes.c_void_p]
_libc.dlerror.restype = ctypes.c_char_p
_libc.dlinfo.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = [ctypes.c_size_t]
_libc.free.restype = None
_libc.free.argtypes = [ctypes.c_void_p]


class _Window:
    """One descriptor number through which every carrier is opened; otherwise it is an object without anything."""

    def __init__(self) -> None:
        self._number = -1
        self._identity = (0, 0)
        self._serial = itertools.count(2)
        self._flags = os.MFD_CLOEXEC | _MFD_NOEXEC_SEAL

    def open(self, data: bytes) -> tuple[int, str]:
        """Return the loader's handle for an object with these bytes (0 if it refuses, with its text)."""
        self._reserve()
        # A third descriptor keeps the file of before; after the call the number shows it again.
        blank = os.dup(self._number)
        try:
            self._show(data)
            handle: int | None = _libc.dlopen(self._path(), _RTLD_NOW)
            # dlerror() is each thread's own, and is asked before anything else of the loader is called.
            text: bytes = b"" if handle else _libc.dlerror() or b"unknown error"
        finally:
            os.dup2(blank, self._number, inheritable=False)
            os.close(blank)
        return handle or 0, text.decode("utf-8", "replace")

    def _show(self, data: bytes) -> None:
        file = self._memory_file("uruk-tls", data)
        try:
            os.dup2(file, self._number, inheritable=False)
        finally:
            os.close(file)

    def _path(self) -> bytes:
        # "//" and "/./" mean "/": the bits of a serial number spell a path string that no loaded object has.
        bits = bin(next(self._serial))[3:]
        spelling = "".join("/." if bit == "1" else "/" for bit in bits)
        return f"/proc/self/fd{spelling}/{self._number}".encode()

    def _reserve(self) -> None:
        # The program may have closed all descriptors (daemons do), and opened something else by our number.
        if self._number >= 0:
            try:
                status = os.fstat(self._number)
            except OSError:
                status = None
            # Device and inode name a file whatever its number, so that a reused number is noticed.
            if status is not None and (status.st_dev, status.st_ino) == self._identity:
                return
        self._number = self._high(self._memory_file("uruk-tls-window", empty_object(MACHINES[HERE.architecture])))
        status = os.fstat(self._number)
        self._identity = (status.st_dev, status.st_ino)

    @staticmethod
    def _high(low: int) -> int:
        """Return the same file under a number that a debugger does not have.

        It opens the paths of loaded objects, too, and in its own /proc/self a low number may be a pipe, for which it
        would wait for ever.
        """
        import fcntl  # not every system has it

        try:
            high = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, _LEAST_NUMBER)
        except OSError:  # the limit of files is low
            return low
        os.close(low)
        return high

    def _memory_file(self, name: str, data: bytes) -> int:
        """Return a descriptor of a file in memory with this content."""
        import resource  # not every system has it

        file = self._new_file(name)
        try:
            limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
            if limit != resource.RLIM_INFINITY and len(data) > limit:  # a write would raise SIGXFSZ
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
        except BaseException:
            os.close(file)
            raise
        return file

    def _new_file(self, name: str) -> int:
        try:
            return os.memfd_create(name, self._flags)
        except OSError:
            if self._flags == os.MFD_CLOEXEC:
                raise
            self._flags = os.MFD_CLOEXEC
            return os.memfd_create(name, self._flags)


class InProcessLoader:
    """See `uruk.platforms.linux.tls.carriers.Loader`."""

    def __init__(self) -> None:
        self.window = _Window()
        self.open = self.window.open

    def close(self, handle: int) -> None:
        """See `Loader.close`."""
        _libc.dlclose(handle)

    def link_map(self, handle: int) -> tuple[int, bytes]:
        """See `Loader.link_map`."""
        # struct link_map (link.h) begins with l_addr and l_name.
        bias, name = (ctypes.c_uint64 * 2).from_address(self.link_map_address(handle))
        return bias, ctypes.string_at(name)

    def link_map_address(self, handle: int) -> int:
        """Return where the link map of an object lies."""
        link_map = ctypes.c_void_p()
        _libc.dlinfo(handle, _RTLD_DI_LINKMAP, ctypes.byref(link_map))
        return link_map.value or 0

    def read(self, address: int, size: int) -> bytes:
        """See `Loader.read`."""
        return ctypes.string_at(address, size)

    def keep_words(self, words: Sequence[int]) -> int:
        """See `Loader.keep_words`."""
        address: int | None = _libc.malloc(8 * len(words))
        if address:
            (ctypes.c_uint64 * len(words)).from_address(address)[:] = words
        return address or 0

    def free(self, address: int) -> None:
        """See `Loader.free`."""
        _libc.free(address)

    def refusal(self, error: TLSError) -> TLSError:
        """See `Loader.refusal`."""
        return error

    objects_ever_loaded = staticmethod(tls_refusal.objects_ever_loaded)
    tls_of_object = staticmethod(tls_refusal.tls_of_object)


def _new_lock() -> None:
    CARRIERS.lock = threading.RLock()


LOADER = InProcessLoader()
CARRIERS = Carriers(LOADER, MACHINES[HERE.architecture])
"""Those of this process."""
load_carrier = CARRIERS.load
unrecovered_bytes = CARRIERS.unrecovered_bytes
static_bytes_left = CARRIERS.static_bytes_left
# A thread of the parent may hold the lock at the fork, and is not there to release it.
os.register_at_fork(after_in_child=_new_lock)
