"""Symbols of this process: libraries, their addresses, and what lies behind an address. dlopen and its relatives."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from uruk.errors import LibraryError
from uruk.records import record
from uruk.regular_files import what_it_is

RTLD_LAZY, RTLD_NOW, RTLD_NOLOAD, RTLD_GLOBAL = 1, 2, 4, 0x100
_RTLD_DL_SYMENT, _RTLD_DI_LINKMAP = 1, 2
STT_OBJECT, STT_COMMON, STT_TLS = 1, 5, 6

_libc = ctypes.CDLL(None)
_dlopen = _libc.dlopen
_dlopen.restype = ctypes.c_void_p
_dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
_dlsym = _libc.dlsym
_dlsym.restype = ctypes.c_void_p
_dlsym.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
_dlvsym = _libc.dlvsym
_dlvsym.restype = ctypes.c_void_p
_dlvsym.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
_dlerror = _libc.dlerror
_dlerror.restype = ctypes.c_char_p


_PROCESS: int | None = _dlopen(None, RTLD_LAZY)
"""The program's own handle, whose scope is the global one. RTLD_DEFAULT (0) looks in the caller's scope, too, to which
the loader adds that of a slab's object, which needs all libraries of the process."""


class _DlInfo(ctypes.Structure):
    _fields_ = [
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    ]


class _LinkMap(ctypes.Structure):
    pass


_LinkMap._fields_ = [
    ("base", ctypes.c_void_p),
    ("name", ctypes.c_char_p),
    ("dynamic", ctypes.c_void_p),
    ("next", ctypes.POINTER(_LinkMap)),
    ("previous", ctypes.POINTER(_LinkMap)),
]

_dladdr1 = _libc.dladdr1
_dladdr1.argtypes = [ctypes.c_void_p, ctypes.POINTER(_DlInfo), ctypes.POINTER(ctypes.c_void_p), ctypes.c_int]
_dlinfo = _libc.dlinfo
_dlinfo.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]


@record
class Found:
    """The symbol of a library at an address: `is_data` for variables, `library` its path."""

    address: int
    is_data: bool
    library: str
    size: int = 0


def load_library(path: str, *, everywhere: bool = False, loaded_only: bool = False) -> int:
    """dlopen; returns the handle. `everywhere` makes its symbols visible to libraries loaded later (RTLD_GLOBAL).

    With `loaded_only`, 0 if the library is not loaded yet. Raises LibraryError with the loader's own text, and
    TLSError where the process has too little static thread-local storage for it.
    """
    if "/" in path:
        _refuse_odd_file(path)
    flags = RTLD_NOW | (RTLD_GLOBAL if everywhere else 0) | (RTLD_NOLOAD if loaded_only else 0)
    handle = _dlopen(os.fsencode(path), flags)
    if not handle:
        problem = (_dlerror() or b"unknown error").decode(errors="replace")
        if loaded_only:
            return 0
        from uruk.platforms.linux.tls.refusal import library_without_room

        raise library_without_room(path, problem) or LibraryError(path, problem.removeprefix(f"{path}: "))
    return int(handle)


def _refuse_odd_file(path: str) -> None:
    """Raise LibraryError for a path at which something but a file is: the loader would wait for a pipe's other end."""
    try:
        kind = what_it_is(os.stat(path).st_mode)
    except (OSError, ValueError):
        return  # the loader says it
    if kind:
        raise LibraryError(path, f"is {kind}, not a regular file")


def find_symbol(handle: int | None, name: bytes) -> int:
    """Return the address of a symbol in a library and what it depends on (None: the whole process); 0 if there is none.

    ``f@V`` is version V of `f`, which need not be the default. Never ask for a thread-local: that makes its library's
    storage dynamic for good.
    """
    # C would read the name up to the NUL, and find another symbol.
    if b"\0" in name:
        return 0
    if b"@" in name:
        base, _, version = name.partition(b"@")
        return _dlvsym(_PROCESS if handle is None else handle, base, version) or 0
    return _dlsym(_PROCESS if handle is None else handle, name) or 0


def find_each(handle: int | None, names: Sequence[bytes]) -> list[int]:
    """Return the address of each of many symbols, as `find_symbol` does."""
    text = b"".join(names)
    if b"\0" in text or b"@" in text:
        return [find_symbol(handle, name) for name in names]
    place = _PROCESS if handle is None else handle
    return [_dlsym(place, name) or 0 for name in names]


def describe(address: int) -> Found:
    """Return what lies at an address from `find_symbol`: a variable or not, and the library."""
    info, entry = _DlInfo(), ctypes.c_void_p()
    if not _dladdr1(address, ctypes.byref(info), ctypes.byref(entry), _RTLD_DL_SYMENT):
        return Found(address, False, "")
    is_data, size = False, 0
    if entry.value and info.address == address:  # the nearest symbol below the address may be another one
        kind = ctypes.c_uint8.from_address(entry.value + 4).value & 15  # Elf64_Sym.st_info
        is_data = kind in (STT_OBJECT, STT_COMMON)
        size = ctypes.c_uint64.from_address(entry.value + 16).value  # Elf64_Sym.st_size
    return Found(address, is_data, (info.file or b"").decode(errors="replace"), size)


def loaded_libraries() -> list[str]:
    """Return paths of the libraries that are loaded, in load order; without the program and what has no file."""
    # The program heads the loader's list of link maps, in load order.
    handle = _dlopen(None, RTLD_LAZY)
    first = ctypes.POINTER(_LinkMap)()
    if not handle or _dlinfo(handle, _RTLD_DI_LINKMAP, ctypes.byref(first)):
        return []
    paths: list[str] = []
    node = first
    while node:
        name = node.contents.name  # the program has none, the vDSO one without a slash, and carriers are paths in /proc
        if name and name.startswith(b"/") and not name.startswith(b"/proc/"):
            paths.append(os.fsdecode(name))
        node = node.contents.next
    return paths


def path_of(handle: int) -> str:
    """Return the path under which a library was loaded."""
    entry = ctypes.POINTER(_LinkMap)()
    if _dlinfo(handle, _RTLD_DI_LINKMAP, ctypes.byref(entry)):
        return ""
    return os.fsdecode(entry.contents.name or b"")
