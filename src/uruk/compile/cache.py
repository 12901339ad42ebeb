"""Objects that were compiled before, in a folder: whole or not at all, checked when read, bounded in size.

No failure of the folder is an error: what cannot be read is compiled, what cannot be written is not kept.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import tempfile
from pathlib import Path

from uruk.compile.eviction import Ledger
from uruk.errors import InvalidValue

DEFAULT_SIZE = 1 << 30
_MAGIC = b"uruk cache 1\n"
_HEAD = struct.Struct("<QQ")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class ObjectCache:
    """A folder of objects by key. `limit` bounds its size in bytes: those unused the longest go first.

    Threads and processes may share it. Only a folder that this user alone can write to is used.
    """

    def __init__(self, folder: str | os.PathLike[str], limit: int = DEFAULT_SIZE) -> None:
        self.folder = Path(folder)
        self.limit = limit
        self._objects = self.folder / "objects"
        self._ledger = Ledger(self._objects, limit)

    def load(self, key: str) -> tuple[bytes, str] | None:
        """Return the object and the warnings stored under `key`, None if there is none.

        A damaged entry is thrown away.
        """
        path = self._path(key)
        if not self._is_safe():
            return None
        try:
            data = path.read_bytes()
        except (OSError, ValueError, MemoryError):
            return None
        entry = _decode(key, data)
        try:
            if entry is None:
                path.unlink()
            else:
                os.utime(path)  # used: it goes last
        except OSError:
            pass
        return entry

    def store(self, key: str, data: bytes, warnings: str = "") -> None:
        """Keep an object and its warnings under `key`, where that is possible."""
        entry = _encode(key, data, warnings.encode("utf-8", "surrogatepass"))
        if len(entry) > self.limit:
            return
        path = self._path(key)
        try:
            _make_private(path.parent)
            if not self._is_safe():
                return
            _write(path, entry)
        except (OSError, ValueError):
            return
        self._ledger.added(len(entry))

    def _path(self, key: str) -> Path:
        return self._objects / key[:2] / key[2:]

    def _is_safe(self) -> bool:
        """Return True if the folder is this user's own: an object that another user can write would be run."""
        try:
            state = os.lstat(self._objects)
        except (OSError, ValueError):
            return False
        return stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid() and not state.st_mode & 0o022


def cache_from_environment() -> ObjectCache | None:
    """Return the cache that URUK_CACHE_DIR, XDG_CACHE_HOME or HOME names; None when URUK_CACHE=0, or with none of them.

    Raises UrukError when URUK_CACHE_SIZE (bytes, or with a suffix K, M, G or T) is not a size.
    """
    if os.environ.get("URUK_CACHE", "") == "0":
        return None
    size = os.environ.get("URUK_CACHE_SIZE", "")
    limit = _size(size) if size else DEFAULT_SIZE
    named = os.environ.get("URUK_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = named or os.path.join(home, "uruk")
    return ObjectCache(folder, limit) if os.path.isabs(folder) or named else None


def _size(text: str) -> int:
    digits = text.strip().upper().removesuffix("B")
    unit = digits[-1:] if digits[-1:] in ("K", "M", "G", "T") else ""
    number = digits.removesuffix(unit)
    if not (number.isascii() and number.isdigit()):
        raise InvalidValue(f"URUK_CACHE_SIZE={text} is not a size: give bytes, or a number with K, M, G or T")
    return int(number) * _UNITS[unit]


def _encode(key: str, data: bytes, warnings: bytes) -> bytes:
    body = _HEAD.pack(len(warnings), len(data)) + warnings + data
    return _MAGIC + hashlib.sha256(key.encode() + body).digest() + body


def _decode(key: str, entry: bytes) -> tuple[bytes, str] | None:
    """Return what `_encode` has put together; None unless every byte is as it was, and of this key."""
    start = len(_MAGIC) + 32
    body = entry[start:]
    if not entry.startswith(_MAGIC) or len(body) < _HEAD.size:
        return None
    if hashlib.sha256(key.encode() + body).digest() != entry[len(_MAGIC) : start]:
        return None
    warnings, size = _HEAD.unpack_from(body)
    at = _HEAD.size + warnings
    return body[at : at + size], body[_HEAD.size : at].decode("utf-8", "surrogatepass")


def _make_private(folder: Path) -> None:
    """Make a folder and what is above it for this user only, whatever the mask says."""
    if not folder.is_dir():
        _make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _write(path: Path, entry: bytes) -> None:
    """Write beside, then rename: a reader sees a whole entry or none, however many write it."""
    handle, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(entry)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
