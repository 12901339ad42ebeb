"""The dynamic loader of this process, for slabs: see `uruk.memory.slab_object.SlabLoader`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.errors import AllocationError
from uruk.memory.linux import local
from uruk.memory.mapper import WRITABLE
from uruk.platforms.linux import process_symbols
from uruk.platforms.linux.runtime_archive import UNWINDER
from uruk.target import HERE

if TYPE_CHECKING:
    from uruk.memory.slab_object import SlabFile

NAME = b"uruk-slab"
"""The loader's name for a slab, once it is open: never the name of a file."""


class InProcessSlabs:
    """See `SlabLoader`. Objects are made and opened here, as the runtime itself is linked into a slab."""

    def plan(self, zones: Sequence[int], low: int, high: int) -> SlabFile:
        """See `SlabLoader.plan`."""
        from uruk.formats.elf.slab import build_slab  # no slab is planned before something is linked

        needed = [name.encode("utf-8", "surrogateescape") for name in process_symbols.loaded_libraries()]
        page = local.PAGE
        address = 0
        if high:
            room = build_slab(zones, HERE.architecture, page=page, needed=needed).size
            address = next(local.free_places(room, low, high), 0)
            if not address:
                raise AllocationError(f"no free range of {room:#x} bytes between {low:#x} and {high:#x}")
        return build_slab(zones, HERE.architecture, page=page, address=address, needed=needed)

    def open(self, file: SlabFile, path: bytes | None) -> tuple[int, int, bool]:
        """See `SlabLoader.open`; memory of this process is private."""
        from uruk.memory.slab_object import READ_WRITE
        from uruk.platforms.linux.loader_here import CARRIERS, LOADER

        try:
            with CARRIERS.lock:
                handle, problem = LOADER.window.open(file.data)
        except OSError as error:  # a limit of files
            raise AllocationError(f"there is no memory file for a slab: {error.strerror}") from error
        if not handle:
            raise AllocationError(f"the dynamic loader refuses a slab: {problem}")
        try:
            address = LOADER.link_map(handle)[0] + file.address
            if file.address and address != file.address:  # glibc before 2.36 ignores the address under a PIE
                raise AllocationError(f"the dynamic loader puts a slab at {address:#x} instead of {file.address:#x}")
            local.map_over(address + file.zones, file.size - file.zones)
            local.map_over(address + file.front, file.zones - file.front, WRITABLE)
            local.protect_memory(address, file.front, WRITABLE)
            ctypes.c_uint64.from_address(address + file.data_size).value = 0
            ctypes.c_uint32.from_address(address + file.data_flags).value = READ_WRITE
            _rename(LOADER.link_map_address(handle))
            if not _shows_headers(address):
                raise AllocationError("the dynamic loader keeps a copy of program headers")
        except BaseException:
            LOADER.close(handle)
            raise
        return handle, address, _finds_frames(address, address + file.first)

    def close(self, handle: int) -> None:
        """See `SlabLoader.close`."""
        from uruk.platforms.linux.loader_here import LOADER

        LOADER.close(handle)


def _rename(entry: int) -> None:
    """Write the slab's name over the object's, a public member of its link map at `entry` (link.h), which is longer."""
    place = ctypes.c_uint64.from_address(entry + 8).value
    if len(ctypes.string_at(place)) >= len(NAME):  # the string is the loader's own, and exactly that long
        ctypes.memmove(place, NAME + b"\0", len(NAME) + 1)


class _Info(ctypes.Structure):
    """The beginning of struct dl_phdr_info (dl_iterate_phdr(3))."""

    _fields_ = [
        ("address", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("headers", ctypes.c_uint64),
        ("count", ctypes.c_uint16),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Info), ctypes.c_size_t, ctypes.c_void_p)
_PHDRS_AT = 64


_answers: dict[str, bool] = {}
"""The results of what was tried with the first slab of this process."""


def _shows_headers(address: int) -> bool:
    """Return True if `dl_iterate_phdr` reads an object's headers in the object, where they are changed."""
    if "headers" not in _answers:

        def look(info: ctypes._Pointer[_Info], size: int, data: int) -> int:  # pyright: ignore[reportPrivateUsage]
            return int(info.contents.headers == address + _PHDRS_AT)

        _answers["headers"] = bool(ctypes.CDLL(None).dl_iterate_phdr(_CALLBACK(look), None))
    return _answers["headers"]


def _finds_frames(address: int, frame: int) -> bool:
    """Return True if libgcc's unwinder finds the FDE of an object's first bytes by the object's table."""
    if "frames" not in _answers:
        library = ctypes.CDLL(UNWINDER, handle=process_symbols.load_library(UNWINDER))
        find = library["_Unwind_Find_FDE"]
        find.argtypes, find.restype = [ctypes.c_void_p, ctypes.c_void_p], ctypes.c_void_p
        bases = (ctypes.c_void_p * 3)()
        # One past the start: the unwinder looks for a return address, which lies behind its call.
        _answers["frames"] = find(address + 1, ctypes.byref(bases)) == frame
    return _answers["frames"]
