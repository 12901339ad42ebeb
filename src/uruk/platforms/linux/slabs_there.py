"""The dynamic loader of another process, for slabs, through its runtime (runtime/linux/slab_object.c)."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from uruk.errors import AllocationError
from uruk.executor.control import Runtime
from uruk.formats.elf.slab import ROOM_FOR_NAMES, build_slab
from uruk.isa.interface import architecture_of
from uruk.memory.slab_object import SlabFile

_PLAN = struct.Struct("<9Q")
_ADDRESS, _UNWINDS = 4, 8
_TEXT = 1024
_HIGHEST = 1 << 56
"""No process has memory from there on: 57 bits are the most that an x86-64 or AArch64 processor translates, half of
them the kernel's."""


class RemoteSlabs:
    """See `uruk.memory.slab_object.SlabLoader`."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime

    def plan(self, zones: Sequence[int], low: int, high: int) -> SlabFile:
        """See `SlabLoader.plan`."""
        process = self.runtime.process
        architecture = architecture_of(process.triple).name
        needed = self._library_names()
        address = 0
        if high:
            size = build_slab(zones, architecture, page=process.page_size, needed=needed).size
            address = self.runtime.call(b"uruk_rt_mem_free_place", size, low, high)
            if not low <= address <= high - size:
                raise AllocationError(f"the process where code runs has no {size:#x} bytes from {low:#x} to {high:#x}")
        return build_slab(zones, architecture, page=process.page_size, address=address, needed=needed)

    def _library_names(self) -> list[bytes]:
        names = bytearray(ROOM_FOR_NAMES)
        used = self.runtime.call(b"uruk_rt_library_names", names, len(names))
        if not 0 <= used <= len(names):
            raise AllocationError("the loaded libraries have too many names")
        return bytes(names[:used]).split(b"\0")[:-1]

    def open(self, file: SlabFile, path: bytes | None) -> tuple[int, int, bool]:
        """See `SlabLoader.open`."""
        fields = (file.size, file.front, file.zones, file.page, file.address, file.data_flags, file.data_size)
        plan, text = bytearray(_PLAN.pack(*fields, file.first, 0)), bytearray(_TEXT)
        place = 0 if path is None else path + b"\0"
        handle = self.runtime.call(b"uruk_rt_slab_open", file.data, len(file.data), plan, place, text, len(text))
        if not handle:
            problem = os.fsdecode(bytes(text).partition(b"\0")[0]) or "there is no memory file for it"
            raise AllocationError(f"the process where code runs cannot load a slab: {problem}")
        answer = _PLAN.unpack(plan)
        address = answer[_ADDRESS]
        if not 0 < address <= _HIGHEST - file.size or address % file.page:
            raise AllocationError(f"the process where code runs names {address:#x} as the address of a slab")
        return handle, address, bool(answer[_UNWINDS])

    def close(self, handle: int) -> None:
        """See `SlabLoader.close`."""
        self.runtime.call(b"uruk_rt_slab_close", handle)
