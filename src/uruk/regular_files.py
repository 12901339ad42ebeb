"""Opening files that users name: at once, in bounded memory, and only what is a file.

Opening a named pipe waits for its other end, opening a device may do something, and reading one need not end.
"""

from __future__ import annotations

import os
import stat

from uruk.errors import InputNotFound, ObjectFormatError
from uruk.named_tuples import NamedTuple

LARGEST = 4 << 30
"""Bytes that are read of one file at most."""
INPUT_ALIGN = 16
"""Each input begins at a multiple of this in the buffer that it is read to."""
INPUT_TAIL = 32
"""Bytes kept readable behind the last input, so that fixed-size windows at any valid offset stay inside."""
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFDIR: "a directory",
    stat.S_IFCHR: "a character device",
    stat.S_IFBLK: "a block device",
    stat.S_IFSOCK: "a socket",
}


class FileState(NamedTuple):
    """The state of a file, which is equal while the file is the same: `size` in bytes, `written` in nanoseconds."""

    device: int
    inode: int
    size: int
    written: int


def state_of(file: int | str) -> FileState:
    """Return the state of an open file, by its descriptor, or of one with a path. Raises OSError."""
    status = os.stat(file)
    return FileState(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def what_it_is(mode: int) -> str:
    """Return what a file that is not a regular one is, for errors; empty for a regular one.

    `mode`: st_mode of stat(2).
    """
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "something else")


def open_regular(path: str | os.PathLike[str], name: str = "") -> tuple[int, int]:
    """Return descriptor and size of a regular file, opened for reading; `name` is what errors call it.

    Raises ObjectFormatError for what cannot be opened or is not a regular file; that is not opened, or opened without
    waiting where it has just taken a file's place.
    """
    name = name or os.fspath(path)
    try:
        _check(os.stat(path), name)
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        problem = error.strerror if isinstance(error, OSError) else str(error)
        kind = InputNotFound if isinstance(error, FileNotFoundError) else ObjectFormatError
        raise kind(name, "file", f"cannot be opened: {problem}") from error
    try:
        status = os.fstat(descriptor)
        _check(status, name)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status.st_size


def _check(status: os.stat_result, name: str) -> None:
    kind = what_it_is(status.st_mode)
    if kind:
        raise ObjectFormatError(name, "file", f"is {kind}, not a regular file")


def read_regular(path: str | os.PathLike[str], name: str = "", most: int = LARGEST) -> bytes:
    """Return a regular file's content.

    Raises ObjectFormatError for any other, and for one with more than `most` bytes.
    """
    name = name or os.fspath(path)
    descriptor, size = open_regular(path, name)
    try:
        return read_open(descriptor, size, name, most)
    finally:
        os.close(descriptor)


def read_open(descriptor: int, size: int, name: str, most: int = LARGEST) -> bytes:
    """Return the content of an open file of `size` bytes; see `read_regular`."""
    check_size(size, name, most)
    try:
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(size)
    except OSError as error:
        raise ObjectFormatError(name, "file", f"cannot be read: {error.strerror}") from error
    except MemoryError as error:
        raise ObjectFormatError(name, "file", f"there is no memory for its {size} bytes") from error


def check_size(size: int, name: str, most: int = LARGEST) -> None:
    """Raise ObjectFormatError for a file with more than `most` bytes."""
    if size > most:
        raise ObjectFormatError(name, "file", f"has {size} bytes, and {most} are the most that are read of one file")
