"""A file or a buffer that is read at chosen offsets, so that a large input need not be read whole.

Files are read with `pread`, never mapped: a file that shrinks under a mapping kills the process (SIGBUS);
here it is an error. Every read is checked against the size, so no caller gets fewer bytes than it asked for.

A process may have few descriptors (RLIMIT_NOFILE), and a link line a thousand archives: sources keep a quarter of them
at most. The others are opened again for each read.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import TYPE_CHECKING

from uruk.errors import InvalidType, ObjectFormatError, SessionClosed
from uruk.regular_files import FileState, open_regular, state_of

if TYPE_CHECKING:
    from typing_extensions import Buffer

_kept: set[int] = set()  # descriptors that sources of this process keep open; no lock: add and discard are atomic
_CLOSED, _NOT_KEPT = -1, -2  # values of `_fd` that are not descriptors
_FIRST = 4096  # bytes kept from the start of a file: headers and small indices then cost no further read


class ByteSource:
    """A file or buffer of `size` bytes; `name` is what errors call it, `path` is None for a buffer."""

    def __init__(self, source: str | os.PathLike[str] | Buffer, name: str | None = None) -> None:
        """Open `source`. Raises ObjectFormatError for a path that is not a readable regular file."""
        self._fd = _CLOSED
        self._keeps = True
        self._view: memoryview | None = None
        self.path: str | None = None
        if isinstance(source, (str, os.PathLike)):
            self.path = os.fspath(source)
            self.name = self.path if name is None else name
            self._fd, self.size = open_regular(self.path, self.name)
            self._identity = _identity(self._fd)
            # `read` looks at it.
            self._first = b""
            self._first = self.read(0, min(_FIRST, self.size), "file")
            # SC_OPEN_MAX is the soft limit of RLIMIT_NOFILE, which the process may change: it is asked each time.
            self._keeps = len(_kept) < os.sysconf("SC_OPEN_MAX") // 4
            if self._keeps:
                _kept.add(self._fd)
            else:
                os.close(self._fd)
                self._fd = _NOT_KEPT
        else:
            try:
                view = memoryview(source)
            except TypeError:
                raise InvalidType(f"{source!r} is neither a path nor the bytes of a file") from None
            self.name = "<bytes>" if name is None else name
            # Offsets are bytes: a view of larger items, or of several dimensions, is one of bytes from here on.
            self._view = view if view.format == "B" and view.contiguous and view.ndim == 1 else view.cast("B")
            self.size = len(self._view)
            self._first = bytes(self._view[:_FIRST])

    @property
    def start(self) -> bytes:
        """The first 4 KiB, or as much as there is."""
        return self._first

    def read(self, offset: int, size: int, structure: str) -> bytes:
        """Return the `size` bytes at `offset`. Raises ObjectFormatError for `structure` if the source ends before."""
        end = offset + size
        if offset < 0 or size < 0 or end > self.size:
            raise self.error(structure, f"{size} bytes do not fit in the file's {self.size}", offset)
        if end <= len(self._first):
            # Headers are read often and lie in front: these reads ask the system for nothing.
            return self._first[offset:end]
        if self._view is not None:
            return bytes(self._view[offset:end])
        descriptor = self._descriptor()
        try:
            data = os.pread(descriptor, size, offset)
        except OSError as error:
            raise self.error(structure, f"cannot be read: {error.strerror}", offset) from error
        finally:
            self._done_with(descriptor)
        # `pread` may return fewer bytes than there are: Linux gives at most 0x7ffff000 at once.
        if len(data) == size:
            return data
        buffer = bytearray(size)
        self.read_into(offset, memoryview(buffer), structure)
        return bytes(buffer)

    def read_into(self, offset: int, target: memoryview, structure: str) -> None:
        """Fill `target` (writable bytes) from `offset`. Raises ObjectFormatError if the source is too short."""
        size = len(target)
        if offset < 0 or offset + size > self.size:
            raise self.error(structure, f"{size} bytes do not fit in the file's {self.size}", offset)
        if self._view is not None:
            target[:] = self._view[offset : offset + size]
            return
        done = 0
        descriptor = self._descriptor()
        try:
            while done < size:
                count = os.preadv(descriptor, [target[done:]], offset + done)
                # The size was that of the file when it was opened; 0 bytes are its end now.
                if count == 0:
                    raise self.error(structure, "the file has become shorter while it was read", offset + done)
                done += count
        except OSError as error:
            raise self.error(structure, f"cannot be read: {error.strerror}", offset + done) from error
        finally:
            self._done_with(descriptor)

    def identity(self) -> tuple[int, int] | None:
        """Return the device and inode of the file, None for a buffer."""
        if self._view is not None:
            return None
        self._check_open()
        return self._identity

    def state(self) -> FileState | None:
        """Return what tells the file, as it is now, from a changed one; None for a buffer, or if it is not open."""
        return state_of(self._fd) if self._fd >= 0 else None

    def error(self, structure: str, problem: str, offset: int | None = None) -> ObjectFormatError:
        """Return an ObjectFormatError that names this source."""
        return ObjectFormatError(self.name, structure, problem, offset)

    def close(self) -> None:
        """Release the file or buffer. Later reads raise SessionClosed, except those within `start`."""
        # The number is taken out first: closed twice, it could be another file's by then.
        descriptor, self._fd = self._fd, _CLOSED
        if descriptor >= 0:
            _kept.discard(descriptor)
            os.close(descriptor)

    def _check_open(self) -> None:
        if self._fd == _CLOSED:
            raise SessionClosed(f"{self.name} is closed")

    def _descriptor(self) -> int:
        """Return a descriptor for one read.

        Raises ObjectFormatError where another file has taken the place of this one.
        """
        self._check_open()
        if self._keeps:
            return self._fd
        assert self.path is not None
        descriptor, _ = open_regular(self.path, self.name)
        # Offsets that were read from the old file mean nothing in a new one.
        if _identity(descriptor) != self._identity:
            os.close(descriptor)
            raise self.error("file", "was replaced by another one since it was opened")
        return descriptor

    def _done_with(self, descriptor: int) -> None:
        """Close a descriptor from `_descriptor` that is not kept, even if the source was closed in between."""
        if not self._keeps:
            os.close(descriptor)

    def __enter__(self) -> ByteSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # `__init__` may have raised before there was a descriptor.
        if getattr(self, "_fd", -1) >= 0:
            self.close()


def _identity(descriptor: int) -> tuple[int, int]:
    """Return the device and inode of an open file."""
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
