"""Why the dynamic loader refused a carrier, and what helps; and what it tells about loaded objects.

glibc says "cannot allocate memory in static TLS block" for three things (elf/dl-reloc.c): too little room
left, an alignment above the thread pointer's, and a library whose TLS some thread already got dynamically.
They are distinguished by the object that the text names, by that object's PT_TLS, and by the room that is left;
not by the words, which glibc translates.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Callable

from uruk.errors import ObjectFormatError, TLSError
from uruk.formats.byte_source import ByteSource
from uruk.formats.elf.carrier import STATIC_ALIGNMENT, CarrierFile
from uruk.formats.elf.loadable import PT_TLS
from uruk.records import record

ALREADY_DYNAMIC = "a thread has already used its thread-locals, which fixed them as dynamic"
"""`problem` of the TLSError for an initial-exec import that can have no static TLS any more."""

_UNDEFINED = "undefined symbol: "
_DEFAULT_OPTIONAL = 512  # glibc's default of glibc.rtld.optional_static_tls, in bytes
_TCB_ALIGNMENT = 16  # what glibc aligns static storage to on AArch64, unless the program's own asks for more
_NO_ROOM = "static TLS block"  # of glibc's "cannot allocate memory in static TLS block"
_SPARE = 1024  # for what else is linked


class _DlPhdrInfo(ctypes.Structure):
    """struct dl_phdr_info of link.h."""

    _fields_ = (
        ("addr", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("headers", ctypes.c_void_p),
        ("count", ctypes.c_uint16),
        ("adds", ctypes.c_uint64),
        ("subs", ctypes.c_uint64),
        ("tls_module", ctypes.c_size_t),
        ("tls_data", ctypes.c_void_p),
    )


@record
class StaticNeed:
    """The size and alignment of one object's thread-local storage, in bytes."""

    size: int
    alignment: int


# The interpreter lock stays held: a thread that throws through held Python code may wait for the loader's
# lock.
_python_held = ctypes.PyDLL(None)
_Visit = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
_iterate = _python_held.dl_iterate_phdr
_counted = [0]


@_Visit
def _count(info: int, _size: int, _data: int | None) -> int:
    _counted[0] = _DlPhdrInfo.from_address(info).adds
    return 1


def objects_ever_loaded() -> int:
    """Return how many objects the loader has loaded since the process began (dlpi_adds)."""
    _iterate(_count, None)
    return _counted[0]


def tls_of_object(path: str) -> StaticNeed | None:
    """Return the PT_TLS of the loaded object with this path string; None if there is none."""
    needs: list[StaticNeed] = []
    wanted = os.fsencode(path)

    def visit(info: int, _size: int, _data: int | None) -> int:
        entry = _DlPhdrInfo.from_address(info)
        if entry.name != wanted:
            return 0
        for index in range(entry.count):
            header = (entry.headers or 0) + 56 * index
            if ctypes.c_uint32.from_address(header).value == PT_TLS:
                size, alignment = (ctypes.c_uint64 * 2).from_address(header + 40)
                needs.append(StaticNeed(size, max(alignment, 1)))
        return 1

    _iterate(_Visit(visit), None)
    return needs[0] if needs else None


def explain(
    text: str,
    file: CarrierFile,
    module: str,
    bytes_left: Callable[[], int],
    tls_of: Callable[[str], StaticNeed | None] = tls_of_object,
) -> TLSError:
    """Return the error for a refused carrier.

    `text` is ``dlerror``'s, `bytes_left` finds the static TLS left, `tls_of` an object's need.
    """
    left = bytes_left()
    if file.tp_slot is not None and file.block_size > left:
        return _no_room(module, StaticNeed(file.block_size, file.alignment), left)
    # The text begins with the object that could not be had; the rest may be in the user's language.
    library = text.partition(": ")[0]
    need = tls_of(library) if file.imports and library else None
    if need is not None:
        return _library_refused(library, need, left)
    if _UNDEFINED in text:
        name = text.rpartition(_UNDEFINED)[2].partition(",")[0]
        return TLSError(module, f"no loaded library defines the thread-local `{name}'")
    if file.tp_slot is not None and file.alignment > _TCB_ALIGNMENT and not file.imports:
        problem = f"thread-locals aligned to {file.alignment}, more than this process aligns static storage to"
        return TLSError(module, problem, "run it in a child (uruk.spawn), or compile with -fPIC")
    return TLSError(module, f"the dynamic loader refused its carrier: {text}")


def stays_dynamic(module: str, size: int, alignment: int, left: int, movable: bool) -> TLSError:
    """Return the error for a module of linked code whose storage was made dynamic and is now wanted by initial-exec
    code.

    `movable`: nothing but a use by a thread kept it from becoming static.
    """
    if alignment > STATIC_ALIGNMENT:
        return TLSError(module, f"it is aligned to {alignment}, and initial-exec code refers to it", _COMPILE)
    if size + alignment > left:
        return _no_room(module, StaticNeed(size, alignment), left)
    reason = "a thread has already used" if movable else "TLS descriptors have already fixed"
    problem = f"{reason} the thread-locals of its module as dynamic, and initial-exec code refers to it"
    return TLSError(module, problem, f"link both objects in one step, or before any use, or {_COMPILE}")


_COMPILE = "compile the referring object with -fPIC"


def _library_refused(library: str, need: StaticNeed, left: int) -> TLSError:
    if need.alignment > STATIC_ALIGNMENT:
        problem = f"its thread-locals are aligned to {need.alignment}, too much for initial-exec code"
        return TLSError(library, problem)
    # The loader may lose up to one alignment to the gap before the block.
    if need.size + need.alignment <= left:
        return TLSError(
            library,
            ALREADY_DYNAMIC,
            "load the library and link this code before anything uses them, or compile with -fPIC",
        )
    return _no_room(library, need, left)


def _no_room(module: str, need: StaticNeed, left: int) -> TLSError:
    wanted = optional_static_tls() + -(-(need.size + need.alignment) // 512) * 512
    return TLSError(
        module,
        f"{need.size} bytes of static thread-local storage do not fit; the process has {left} left",
        f"start the process with GLIBC_TUNABLES=glibc.rtld.optional_static_tls={wanted}, or compile with -fPIC",
        wanted,
    )


def library_without_room(path: str, text: str) -> TLSError | None:
    """Return the error for a library that dlopen refused with `text`, if that is for want of static TLS; else None.

    Compiled as if it were always loaded with the program, as allocators and sanitizers are: DF_STATIC_TLS (gABI).
    """
    if _NO_ROOM not in text:
        return None
    refused = text.partition(": ")[0] or path  # may be one that `path` depends on
    need = _tls_of_file(refused) or StaticNeed(_DEFAULT_OPTIONAL, 1)
    wanted = optional_static_tls() + -(-(need.size + need.alignment) // 512) * 512 + _SPARE
    return TLSError(
        refused,
        f"{need.size} bytes of static thread-local storage do not fit",
        f"start the process with GLIBC_TUNABLES=glibc.rtld.optional_static_tls={wanted}",
        wanted,
    )


def _tls_of_file(path: str) -> StaticNeed | None:
    """Return the PT_TLS of a file that is not loaded; None if it cannot be read or has none."""
    try:
        with ByteSource(path) as source:
            table, size, count = struct.unpack("<32xQ14xHH", source.read(0, 58, "ELF header"))
            for index in range(count):
                header = source.read(table + size * index, 56, "program header")
                kind, length, alignment = struct.unpack("<I36xQQ", header)
                if kind == PT_TLS:
                    return StaticNeed(length, max(alignment, 1))
    except ObjectFormatError:
        pass
    return None


def optional_static_tls() -> int:
    """Return the bytes that glibc.rtld.optional_static_tls had at the start, as far as one can tell."""
    for setting in os.environ.get("GLIBC_TUNABLES", "").split(":"):
        name, _, value = setting.partition("=")
        if name == "glibc.rtld.optional_static_tls":
            try:
                return max(int(value, 0), _DEFAULT_OPTIONAL)
            except ValueError:
                break
    return _DEFAULT_OPTIONAL
