"""Carriers: PE images without code that make Windows's loader own the thread-locals of linked code.

The loader that opens a carrier finds a TLS directory in it, whose pointers lead into linked memory. They are those of
the template that each thread gets a copy of, of the variable that takes the index of these copies (`_tls_index`), and
of functions to call when threads come and go. Every running and every new thread then has the storage, until the
carrier is closed.

The file is headers and one section, 1 KiB in all:

    DOS header | "PE" | file header | optional header | section header | (padding) | TLS directory

The pointers are addresses, not offsets in the image, and so need no base relocations. Source: Microsoft, "PE Format"
(optional header, "The .tls Section").
"""

from __future__ import annotations

import struct

from uruk import machines
from uruk.errors import TLSError

MOST_ALIGNMENT = 16
"""The largest alignment of thread-local storage that Windows's loader keeps, in bytes: that of its heap."""
LARGEST = 1 << 30
"""The largest storage that is asked for, in bytes; each thread has its own."""

_PE_OFFSET = 0x40
"""The offset of "PE", behind a DOS header of 64 bytes that holds nothing else."""
# link.exe's default for DLLs of 64 bits. Nothing in the image depends on it, so that the loader may choose another one.
_IMAGE_BASE = 0x180000000
# A page, and the smallest alignment in a file that the specification allows.
_SECTION_ALIGNMENT, _FILE_ALIGNMENT = 0x1000, 0x200
_IS_DLL, _LARGE_ADDRESSES, _EXECUTABLE = 0x2000, 0x20, 0x2
_HIGH_ENTROPY, _DYNAMIC_BASE, _NO_EXECUTE = 0x20, 0x40, 0x100
_GUI = 2
"""A subsystem; the loader starts none for a library."""
_INITIALIZED_DATA, _READ = 0x40, 0x40000000
# An image has 16 data directories, and the one with number 9 is the TLS table.
_DIRECTORIES, _TLS_DIRECTORY = 16, 9

# Of the DOS header only the signature and e_lfanew, the last of its 64 bytes, are looked at by the loader.
_DOS_HEADER = struct.Struct("<2s58xI")
_FILE_HEADER = struct.Struct("<HHIIIHH")
_OPTIONAL_HEADER = struct.Struct("<HBBIIIIIQIIHHHHHHIIIIHHQQQQII")
_DIRECTORY = struct.Struct("<II")
_SECTION_HEADER = struct.Struct("<8sIIIIIIHHI")
# IMAGE_TLS_DIRECTORY64: start and end of the template, index, callbacks, size of the zeros, alignment.
_TLS = struct.Struct("<QQQQII")


def build_carrier(
    architecture: str, *, template: int, stored: int, zeros: int, align: int, index: int, callbacks: int, module: str
) -> bytes:
    """Return the bytes of a carrier. Raises TLSError, naming `module`, for storage that the loader cannot give.

    `architecture` is the first part of a triple. A thread's copy has the `stored` bytes at address `template` and
    `zeros` bytes behind them, at a multiple of `align`. `index` is the address of a variable of 4 bytes, which can be
    written to; `callbacks` that of a list of functions which ends in a null pointer, 0 without one.
    """
    if align > MOST_ALIGNMENT:
        raise TLSError(
            module,
            f"its thread-locals are aligned to {align} bytes, and Windows's loader aligns them to {MOST_ALIGNMENT}",
            "lower the alignment, or let the thread-local be a pointer to aligned memory",
        )
    if stored + zeros > LARGEST:
        raise TLSError(module, f"its thread-locals take {stored + zeros} bytes of each thread")
    headers = _headers(machines.MACHINES[architecture].coff)
    # The alignment is coded as in a section's flags: 1 for one byte, 2 for two, 3 for four, ...
    directory = _TLS.pack(template, template + stored, index, callbacks, zeros, align.bit_length() << 20)
    # The headers take less than 512 bytes, so that the section begins at the next multiple of that.
    return headers.ljust(_FILE_ALIGNMENT, b"\0") + directory.ljust(_FILE_ALIGNMENT, b"\0")


def _headers(machine: int) -> bytes:
    """Return all that stands in front of the section."""
    directories = [(0, 0)] * _DIRECTORIES
    # The section is loaded one page behind the headers, and begins with the directory.
    directories[_TLS_DIRECTORY] = _SECTION_ALIGNMENT, _TLS.size
    table = b"".join(_DIRECTORY.pack(*directory) for directory in directories)
    # 0x20B is PE32+. The entry point is 0, which the specification allows for DLLs: no function of the image is called.
    # The image has two pages, for headers and for the section.
    optional = _OPTIONAL_HEADER.pack(
        0x20B, 14, 0, 0, _FILE_ALIGNMENT, 0, 0, _SECTION_ALIGNMENT, _IMAGE_BASE, _SECTION_ALIGNMENT, _FILE_ALIGNMENT,
        6, 0, 0, 0, 6, 0, 0, 2 * _SECTION_ALIGNMENT, _FILE_ALIGNMENT, 0, _GUI,
        _HIGH_ENTROPY | _DYNAMIC_BASE | _NO_EXECUTE, 1 << 20, 1 << 12, 1 << 20, 1 << 12, 0, _DIRECTORIES,
    )  # fmt: skip
    # The data directories are a part of the optional header, and counted in its size.
    file = _FILE_HEADER.pack(machine, 1, 0, 0, 0, len(optional + table), _IS_DLL | _LARGE_ADDRESSES | _EXECUTABLE)
    section = _SECTION_HEADER.pack(
        b".tls", _TLS.size, _SECTION_ALIGNMENT, _FILE_ALIGNMENT, _FILE_ALIGNMENT, 0, 0, 0, 0, _INITIALIZED_DATA | _READ
    )
    return _DOS_HEADER.pack(b"MZ", _PE_OFFSET) + b"PE\0\0" + file + optional + table + section
