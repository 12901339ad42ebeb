"""Keeping a cache folder within its size: a ledger of bytes added, and a count of the folder when that is too much."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

_KEEP = 0.9
"""The part that stays of the limit when entries are dropped, so that not every store counts the folder."""
_ABANDONED = 3600.0
"""Seconds after which a half-written file counts as abandoned."""
_TRIES, _PAUSE = 50, 0.002


class Ledger:
    """Adds up what is stored under `folder`, over threads and processes; drops what is over `limit` bytes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self._limit = limit
        self._file = folder / "ledger"

    def added(self, size: int) -> None:
        """Note `size` bytes stored. Entries that were used the longest ago go when it is too much."""
        try:
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return
        try:
            if not _lock(handle):
                self._file.unlink()  # the next one counts anew
                return
            text = os.pread(handle, 32, 0).strip()
            total = int(text) + size if text.isdigit() else -1
            if total < 0 or total > self._limit:
                total = self._drop()
            # As wide as it is read: file systems write a file out that was truncated first, which takes milliseconds.
            os.pwrite(handle, b"%-32d" % total, 0)
        except OSError:
            pass
        finally:
            os.close(handle)

    def _drop(self) -> int:
        """Count the folder, drop the oldest entries if they are too many, and return how many bytes are left."""
        now = time.time()
        entries: list[tuple[float, int, str]] = []
        for path in _files(self._folder):
            try:
                state = os.stat(path, follow_symlinks=False)
                if os.path.basename(path).startswith(".new-") and now - state.st_mtime > _ABANDONED:
                    os.unlink(path)
                    continue
            except OSError:
                continue
            entries.append((state.st_mtime, state.st_size, path))
        total = sum(size for _, size, _ in entries)
        if total <= self._limit:
            return total
        for _, size, path in sorted(entries):
            if total <= self._limit * _KEEP:
                break
            try:
                os.unlink(path)
            except OSError:
                continue
            total -= size
        return total


def _lock(handle: int) -> bool:
    """Lock the ledger, unless another keeps it for too long."""
    import fcntl  # not every system has it

    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(_PAUSE)
    return False


def _files(folder: Path) -> Iterator[str]:
    """Yield the files in the folders of `folder`."""
    for outer in _scan(folder):
        if outer.is_dir(follow_symlinks=False):
            for inner in _scan(outer.path):
                yield inner.path


def _scan(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
