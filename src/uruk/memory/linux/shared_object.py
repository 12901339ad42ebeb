"""Memory objects that two processes of one machine map: made here, opened there by a path.

There are two kinds. A memory file has no name, so that nothing is left behind if a process dies; the other process
opens it through this one's /proc/PID/fd, which takes the same user and one PID namespace. A file in /dev/shm has a name
until it is opened; a process that dies before leaves it, and the next one to make such a file removes it.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

from uruk.errors import AllocationError
from uruk.memory.linux.local import MADV_POPULATE_WRITE, MAP_NORESERVE

SharedKind = Literal["memfd", "shm"]
FOLDER = "/dev/shm"
"""The folder of POSIX shared memory on Linux; the same folder is seen by programs under qemu and wine."""
_PREFIX = "uruk-"
_MFD_CLOEXEC, _MFD_ALLOW_SEALING, _MFD_EXEC = 0x1, 0x2, 0x10
LEAST_ROOM = 16 << 20
"""Bytes that must be free in /dev/shm: with less, another kind of memory is the better choice."""
_TRIES = 8


class SharedObject(Protocol):
    """Shared memory of a fixed size. It is zero at first, and pages that are not written cost nothing."""

    path: bytes
    """The path that the other process opens."""
    memory: mmap.mmap
    """The mapping in this process, readable and writable."""

    def opened(self) -> None:
        """Record that the other process has opened it, or never will: a name is removed."""
        ...

    def commit(self, offset: int, size: int) -> None:
        """Allocate memory for a range before it is written. Raises AllocationError, where a write would be SIGBUS."""
        ...

    def release(self, size: int) -> None:
        """Count bytes as released; the object is closed with the last ones. Views of it may still exist."""
        ...


OpenShared: TypeAlias = Callable[[int], SharedObject]
"""Makes an object of a size in bytes. Raises AllocationError if this kind is not available."""


class _File:
    """A mapped file without a name, as both kinds are once they are opened."""

    def __init__(self, path: str, file: int, size: int) -> None:
        self.path = os.fsencode(path)
        self._file = file
        self._left = size
        self.memory = mmap.mmap(file, size, flags=mmap.MAP_SHARED | MAP_NORESERVE)

    def opened(self) -> None:
        """See `SharedObject.opened`."""

    def commit(self, offset: int, size: int) -> None:
        """See `SharedObject.commit`."""
        try:
            try:
                self.memory.madvise(MADV_POPULATE_WRITE, offset, size)
            except OSError as error:
                if error.errno != errno.EINVAL:  # before Linux 5.14
                    raise
                os.posix_fallocate(self._file, offset, size)
        except OSError as error:
            # madvise answers EFAULT where a fault on the page would be SIGBUS (madvise(2), MADV_POPULATE_WRITE).
            reason = "its file system is full" if error.errno == errno.EFAULT else error.strerror
            raise AllocationError(f"no memory for {size:#x} bytes of shared memory: {reason}") from error

    def release(self, size: int) -> None:
        """See `SharedObject.release`."""
        self._left -= size
        if not self._left:
            os.close(self._file)
            with contextlib.suppress(BufferError):  # the mapping is closed with its last view
                self.memory.close()


class _Named(_File):
    """A file in /dev/shm, with its name until it is opened."""

    def opened(self) -> None:
        """See `SharedObject.opened`."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)


def open_memory_file(size: int) -> SharedObject:
    """Return a memory file. It cannot shrink, so that no other process can make this one's accesses fault."""
    try:
        file = _memory_file()
    except OSError as error:
        raise AllocationError(f"cannot make a memory file: {error.strerror}") from error
    try:
        import fcntl  # not every system has it

        os.ftruncate(file, size)
        # Without F_SEAL_SEAL the other process could still add seals, such as one against writing.
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        return _File(f"/proc/{os.getpid()}/fd/{file}", file, size)
    except (OSError, OverflowError, AllocationError) as error:
        os.close(file)
        raise _refused("a memory file", size, error) from error


def _memory_file() -> int:
    flags = _MFD_CLOEXEC | _MFD_ALLOW_SEALING
    try:
        # A kernel may be set to make memory files without execution (vm.memfd_noexec) unless they ask for it.
        return os.memfd_create("uruk", flags | _MFD_EXEC)
    except OSError:  # before Linux 6.3 there is no such flag, nor need of it
        return os.memfd_create("uruk", flags)


def open_named_file(size: int) -> SharedObject:
    """Return a file in /dev/shm that only this user can open. Raises AllocationError if hardly anything fits there."""
    remove_leftovers()
    try:
        _check_room(size)
        file, path = _named_file()
    except OSError as error:
        raise AllocationError(f"cannot make a file in {FOLDER}: {error.strerror}") from error
    try:
        os.ftruncate(file, size)
        return _Named(path, file, size)
    except (OSError, OverflowError, AllocationError) as error:
        os.unlink(path)
        os.close(file)
        raise _refused(f"a file in {FOLDER}", size, error) from error


def _check_room(size: int) -> None:
    """Raise OSError if the file system has a limit that an ordinary program would soon reach."""
    state = os.statvfs(FOLDER)
    if state.f_blocks and state.f_bavail * state.f_frsize < min(size, LEAST_ROOM):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _refused(title: str, size: int, error: Exception) -> AllocationError:
    reason = error.strerror if isinstance(error, OSError) else error
    return AllocationError(f"cannot have {title} of {size:#x} bytes: {reason}")


def _named_file() -> tuple[int, str]:
    """Return a new file and its path. It is locked while it has a name: others see by that whether its maker lives."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    for _ in range(_TRIES):
        path = f"{FOLDER}/{_PREFIX}{os.getpid()}-{os.urandom(8).hex()}"
        try:
            file = os.open(path, flags, 0o600)
        except FileExistsError:
            continue
        try:
            _lock(file)
            # Between `open` and the lock another process may have taken it for a leftover, and removed it.
            if os.fstat(file).st_nlink:
                return file, path
        except BlockingIOError:
            pass  # a process that removes leftovers came between
        except BaseException:
            os.unlink(path)
            os.close(file)
            raise
        os.close(file)
    raise BlockingIOError(0, "its name is taken away again and again")


def _lock(file: int) -> None:
    """Lock a file until its last descriptor is closed. Raises BlockingIOError if another process has locked it."""
    import fcntl  # not every system has it

    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_leftovers() -> None:
    """Remove files of uruk processes that were killed between making and sharing them."""
    with contextlib.suppress(OSError), os.scandir(FOLDER) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_if_left(entry.path)


def _remove_if_left(path: str) -> None:
    # A link or a pipe may have taken the file's place since the folder was read.
    file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        # The folder is everybody's: a file of another user's is not for this one to judge.
        if os.fstat(file).st_uid == os.getuid():
            _lock(file)
            os.unlink(path)
    finally:
        os.close(file)


KINDS: dict[SharedKind, OpenShared] = {"memfd": open_memory_file, "shm": open_named_file}
"""Name -> function that makes one, in the order in which they are tried."""
