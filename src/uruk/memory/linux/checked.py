"""Copies between this process's memory and addresses that may be anything: the kernel refuses where code would crash.

process_vm_readv copies within this process, too, and takes no lock that another thread could hold. Where a filter of
system calls or an emulator has none, the bytes go through a pipe, piece by piece.
"""

from __future__ import annotations

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)
_PIECE = 4096
"""Bytes that a pipe holds without a reader."""
_FUTEX = {"x86_64": 202, "aarch64": 98}
_WAKE_OP_PRIVATE, _OR_NOTHING = 5 | 128, 2 << 28


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_size_t), ("size", ctypes.c_size_t))


_readv = _libc.process_vm_readv
_readv.argtypes = [
    ctypes.c_int, ctypes.POINTER(_Vector), ctypes.c_ulong, ctypes.POINTER(_Vector), ctypes.c_ulong, ctypes.c_ulong,
]  # fmt: skip
_readv.restype = ctypes.c_ssize_t
_write, _read = _libc.write, _libc.read
for _function in (_write, _read):
    _function.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_size_t]
    _function.restype = ctypes.c_ssize_t


def load(address: int, size: int) -> bytes | None:
    """Return the bytes at an address; None where some of them cannot be read."""
    if not size:
        return b""
    if not 0 <= address < (1 << 64) - size:
        return None
    buffer = ctypes.create_string_buffer(size)
    return ctypes.string_at(buffer, size) if copy(ctypes.addressof(buffer), address, size) else None


def store(address: int, data: bytes | bytearray | memoryview) -> bool:
    """Store bytes at an address; False where some of it cannot be written: what comes before may be stored."""
    content = bytes(data)
    if not 0 <= address < (1 << 64) - len(content):
        return not content
    own = ctypes.cast(ctypes.c_char_p(content), ctypes.c_void_p)
    return copy(address, own.value or 0, len(content))


def copy(to: int, source: int, size: int) -> bool:
    """Copy bytes; False where an address is not this process's, or must not be read or written."""
    while size:
        here, there = _Vector(to, size), _Vector(source, size)
        done = _readv(os.getpid(), ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
        if done <= 0:
            return _copy_by_pipe(to, source, size)
        to, source, size = to + done, source + done, size - done
    return True


def _copy_by_pipe(to: int, source: int, size: int) -> bool:
    out, into = os.pipe()
    try:
        while size:
            piece = _write(into, source, min(size, _PIECE))
            if piece <= 0 or _read(out, to, piece) != piece:
                return False
            to, source, size = to + piece, source + piece, size - piece
    finally:
        os.close(out)
        os.close(into)
    return True


def is_writable(address: int) -> bool:
    """Return True if the byte at an address can be written. Nothing changes there, not for a moment.

    The kernel does an atomic OR with 0 on the word (futex(2), FUTEX_WAKE_OP), which fails where it cannot be written.
    """
    from uruk.target import HERE

    number = _FUTEX.get(HERE.architecture)
    if number is None:
        return True
    word = ctypes.c_uint32()
    place = ctypes.c_void_p(address & -4)
    unused = ctypes.c_long(0)
    return _libc.syscall(number, ctypes.byref(word), _WAKE_OP_PRIVATE, 0, unused, place, _OR_NOTHING) >= 0
