"""Thread-local storage of linked code in this process: carriers opened with the process's own dynamic loader.

    load_carrier(image, memory_size, alignment, static=True) -> LoadedCarrier
    loaded.close() -> bytes not recovered

A carrier (`uruk.formats.elf_carrier`) is written to a memory file, opened with ``dlopen`` and read back. Two
facts of glibc (2.36, elf/dl-load.c) shape the path: an object whose path string equals a loaded one's *is*
that one, so every carrier gets its own spelling of the same path; and other code opens the paths of loaded
objects (libbacktrace opens them all), so the descriptor in the path is one that stays ours and is empty
between loads, never a reused number.

glibc hands out static TLS upwards and takes back only the block given last (elf/dl-close.c). So a static
carrier that is closed out of order stays loaded until those after it are gone, instead of leaving a hole for
good.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import threading
from collections.abc import Sequence

from uruk.errors import TLSError
from uruk.executor import tls_refusal
from uruk.formats.elf_carrier import STATIC_ALIGNMENT, CarrierFile, CarrierValues, TLSImport, build_carrier

_RTLD_NOW = 2
_RTLD_DI_LINKMAP = 2
_MFD_NOEXEC_SEAL = 8  # Linux 6.3; older kernels refuse it, and then it is not needed

_libc = ctypes.CDLL(None)
_libc.dlopen.restype = ctypes.c_void_p
_libc.dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
_libc.dlclose.argtypes = [ctypes.c_void_p]
_libc.dlerror.restype = ctypes.c_char_p
_libc.dlinfo.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
_libc.malloc.restype = ctypes.c_void_p
_libc.malloc.argtypes = [ctypes.c_size_t]
_libc.free.restype = None
_libc.free.argtypes = [ctypes.c_void_p]


class LoadedCarrier:
    """A carrier that the dynamic loader has loaded: the storage of one module, for every thread.

    `module_id`, `tp_offset`, `descriptors` and `imports` as in `CarrierValues`; all are good until `close`.
    """

    def __init__(self, handle: int, file: CarrierFile, values: CarrierValues, export: str = "") -> None:
        self.module_id = values.module_id
        self.tp_offset = values.tp_offset
        self.descriptors = values.descriptors
        self.imports = values.imports
        self.arguments: dict[int, int] = {}
        """Addresses of what descriptors of this storage point to, by offset; see `argument`."""
        self.size = file.block_size
        self.alignment = file.alignment
        self.handle: int | None = handle
        self.closed = False
        self._export = export

    @property
    def block_size(self) -> int:
        """Bytes of static storage; 0 if the storage is dynamic."""
        return self.size if self.tp_offset is not None else 0

    @property
    def start(self) -> int:
        """Bytes below the thread pointer in use before this carrier came."""
        return self.end - self.block_size

    @property
    def end(self) -> int:
        """Bytes below the thread pointer in use with this carrier (0 if it is not static)."""
        return -(self.tp_offset or 0)

    def argument(self, offset: int, words: tuple[int, int, int]) -> int:
        """The address of three words for a descriptor, made on the first call for an offset; good until `close`.

        They are the C library's memory: code may use them while the process exits, after the interpreter has ended.
        """
        if offset not in self.arguments:
            address: int | None = _libc.malloc(24)
            if not address:
                raise TLSError("thread-local storage", "no memory for a descriptor")
            (ctypes.c_uint64 * 3).from_address(address)[:] = words
            self.arguments[offset] = address
        return self.arguments[offset]

    def make_static(self, what: str) -> int:
        """The offset from the thread pointer; dynamic storage that no thread has used yet becomes static for it.

        `what` names who asks. Raises TLSError where that cannot be: a thread has used it, too little room, or an
        alignment above the thread pointer's.
        """
        with _lock:
            if self.tp_offset is None:
                _make_static(self, self._export, what)
            assert self.tp_offset is not None
            return self.tp_offset

    def close(self) -> int:
        """Gives the storage back; no linked code of the module may run any more. Closing twice is harmless.

        The bytes of static TLS that could not be recovered: 0, or the size of the block while storage that
        was handed out later is still in use (it is recovered when that goes, see `unrecovered_bytes`).
        """
        with _lock:
            if self.closed:
                return 0
            self.closed = True
            return _area.close(self)


def load_carrier(
    image: bytes,
    memory_size: int,
    alignment: int,
    *,
    static: bool,
    descriptors: Sequence[int] = (),
    imports: Sequence[TLSImport] = (),
    needed: Sequence[str] = (),
    what: str = "thread-local storage",
) -> LoadedCarrier:
    """Builds a carrier (arguments as for `build_carrier`) and loads it: running and new threads have the
    storage.

    Libraries in `needed` are loaded if they are not. Raises TLSError where static TLS does not fit, where an
    imported variable's library already has dynamic TLS (`problem` is then `tls_refusal.ALREADY_DYNAMIC`), or
    where `build_carrier` does.
    """
    export = "" if static or descriptors or not memory_size else f"uruk_tls_{next(_serial)}"
    with _lock:
        _area.collect()
        aligns = static and 0 < alignment <= STATIC_ALIGNMENT
        padding = -(_area.used + memory_size) % alignment if aligns else 0
        while True:
            file = build_carrier(
                image,
                memory_size,
                alignment,
                static=static,
                padding=padding,
                descriptors=descriptors,
                imports=imports,
                needed=needed,
                export=export,
                what=what,
            )
            loaded = _open(file, what, export)
            if not loaded.end % alignment:
                _area.opened(loaded, imports)
                return loaded
            # Another library took static TLS since the last carrier; now its end is known.
            _dlclose(loaded)
            _area.used = loaded.start
            padding = -(loaded.start + memory_size) % alignment


def unrecovered_bytes() -> int:
    """Static TLS of closed carriers that waits for later storage to go, in bytes."""
    with _lock:
        _area.collect()
        return sum(one.block_size for one in _area.stack if one.closed)


def static_bytes_left() -> int:
    """How many bytes of static TLS the loader still has; found by trying, in about half a millisecond."""
    with _lock:
        low, high = 0, 1 << 12
        while _fits(high):
            low, high = high, high * 2
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (middle, high) if _fits(middle) else (low, middle)
        return low


class _StaticArea:
    """The static carriers in the order of their space, closed ones that must wait included."""

    def __init__(self) -> None:
        self.stack: list[LoadedCarrier] = []
        self.used = 0  # the last known end of the area: a guess once other libraries have been loaded
        # The loader's count of objects ever loaded when `used` was known for sure; None when it is not.
        self._objects: int | None = None

    def opened(self, loaded: LoadedCarrier, imports: Sequence[TLSImport]) -> None:
        if loaded.tp_offset is not None:
            self.stack.append(loaded)
            self.used = loaded.end
            self._objects = tls_refusal.objects_ever_loaded()
        elif self._objects is not None:
            self._objects += 1
        if imports:
            # Binding them may have given a library static storage behind ours.
            self._objects = None

    def close(self, loaded: LoadedCarrier) -> int:
        if loaded.tp_offset is None:
            _dlclose(loaded)
            return 0
        self.collect()
        return loaded.block_size if loaded in self.stack else 0

    def collect(self) -> None:
        """Unloads closed carriers from the end of the area, as far as they are its end."""
        while self.stack and self.stack[-1].closed and self._is_last(self.stack[-1]):
            last = self.stack.pop()
            _dlclose(last)
            self.used = last.start

    def _is_last(self, loaded: LoadedCarrier) -> bool:
        # No object came since: the area can only have become smaller, by other libraries that went.
        if self.used == loaded.end and self._objects == tls_refusal.objects_ever_loaded():
            return True
        end = _end_of_area()
        # Without room for even one byte nobody can tell; then it is better to give back than to keep.
        if end is not None and end != loaded.end:
            return False
        self._objects = tls_refusal.objects_ever_loaded()
        self.used = loaded.end
        return True


class _Window:
    """One descriptor number through which every carrier is opened; otherwise it is an empty file."""

    def __init__(self) -> None:
        self._number = -1
        self._identity = (0, 0)
        self._serial = itertools.count(2)
        self._flags = os.MFD_CLOEXEC | _MFD_NOEXEC_SEAL

    def open(self, data: bytes) -> tuple[int, bytes]:
        """The loader's handle for an object with these bytes (0 if it refuses, with its text)."""
        self._reserve()
        # A third descriptor keeps the empty file; after the call the number shows it again.
        blank = os.dup(self._number)
        try:
            self._show(data)
            handle: int | None = _libc.dlopen(self._path(), _RTLD_NOW)
            text: bytes = b"" if handle else _libc.dlerror() or b"unknown error"
        finally:
            os.dup2(blank, self._number, inheritable=False)
            os.close(blank)
        return handle or 0, text

    def _show(self, data: bytes) -> None:
        file = self._memory_file("uruk-tls")
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(file, view) :]
            os.dup2(file, self._number, inheritable=False)
        finally:
            os.close(file)

    def _path(self) -> bytes:
        # "//" and "/./" mean "/": the bits of a serial number spell a path string that no loaded object has.
        bits = bin(next(self._serial))[3:]
        spelling = "".join("/." if bit == "1" else "/" for bit in bits)
        return f"/proc/self/fd{spelling}/{self._number}".encode()

    def _reserve(self) -> None:
        # Somebody may have closed all descriptors (daemons do) and got our number for something else.
        if self._number >= 0:
            try:
                status = os.fstat(self._number)
            except OSError:
                status = None
            if status is not None and (status.st_dev, status.st_ino) == self._identity:
                return
        self._number = self._memory_file("uruk-tls-window")
        status = os.fstat(self._number)
        self._identity = (status.st_dev, status.st_ino)

    def _memory_file(self, name: str) -> int:
        try:
            return os.memfd_create(name, self._flags)
        except OSError:
            if self._flags == os.MFD_CLOEXEC:
                raise
            self._flags = os.MFD_CLOEXEC
            return os.memfd_create(name, self._flags)


def _open(file: CarrierFile, what: str, export: str = "") -> LoadedCarrier:
    try:
        handle, text = _window.open(file.data)
    except OSError as error:
        raise TLSError(what, f"no memory file for a carrier: {error.strerror}") from error
    if not handle:
        raise tls_refusal.explain(text.decode("utf-8", "replace"), file, what, static_bytes_left)
    return LoadedCarrier(handle, file, _values(handle, file), export)


def _values(handle: int, file: CarrierFile) -> CarrierValues:
    return file.decode(ctypes.string_at(_link_map(handle)[0] + file.slots, file.slots_size))


def _link_map(handle: int) -> tuple[int, bytes]:
    """A loaded object's bias, and its path string as the loader has it."""
    link_map = ctypes.c_void_p()
    _libc.dlinfo(handle, _RTLD_DI_LINKMAP, ctypes.byref(link_map))
    # struct link_map (link.h) begins with l_addr and l_name.
    bias, name = (ctypes.c_uint64 * 2).from_address(link_map.value or 0)
    return bias, ctypes.string_at(name)


def _make_static(carrier: LoadedCarrier, export: str, what: str) -> None:
    """Have the loader give a carrier static storage: by a second carrier that imports it as initial-exec code does.

    glibc (2.36, elf/dl-reloc.c) grants that as long as no thread has used the storage, for running threads as well.
    """
    _area.collect()
    if not export or carrier.alignment > STATIC_ALIGNMENT or carrier.handle is None:
        raise tls_refusal.stays_dynamic(what, carrier.size, carrier.alignment, static_bytes_left(), export != "")
    path = _link_map(carrier.handle)[1]
    wanted = TLSImport(export)
    file = build_carrier(b"", 0, 1, static=False, imports=(wanted,), needed=(os.fsdecode(path),), what=what)
    filler = _fill_gap(-(_area.used + carrier.size) % carrier.alignment)
    handle, _ = _window.open(file.data)
    if handle:
        carrier.tp_offset = _values(handle, file).imports[0][0]
        _libc.dlclose(handle)
        _area.opened(carrier, ())
    if filler is not None:
        filler.close()
    if not handle:
        raise tls_refusal.stays_dynamic(what, carrier.size, carrier.alignment, static_bytes_left(), True)


def _fill_gap(size: int) -> LoadedCarrier | None:
    """A carrier for the bytes that glibc's own alignment would lose for good; None if none are needed or left."""
    if not size:
        return None
    handle, _ = _window.open((file := build_carrier(b"", size, 1, static=True)).data)
    if not handle:
        return None
    filler = LoadedCarrier(handle, file, _values(handle, file))
    _area.opened(filler, ())
    return filler


def _dlclose(loaded: LoadedCarrier) -> None:
    handle, loaded.handle = loaded.handle, None
    if handle is not None:
        _libc.dlclose(handle)
    while loaded.arguments:
        _libc.free(loaded.arguments.popitem()[1])


def _end_of_area() -> int | None:
    """The bytes of static TLS in use now, found by loading one more; None if there is no room for that."""
    file = build_carrier(b"", 1, 1, static=True)
    handle, _ = _window.open(file.data)
    if not handle:
        return None
    offset = _values(handle, file).tp_offset
    _libc.dlclose(handle)
    return None if offset is None else -offset - 1


def _fits(size: int) -> bool:
    handle, _ = _window.open(build_carrier(b"", size, 1, static=True).data)
    if handle:
        _libc.dlclose(handle)
    return bool(handle)


def _new_lock() -> None:
    global _lock
    _lock = threading.RLock()


_lock = threading.RLock()
_serial = itertools.count(1)
_area = _StaticArea()
_window = _Window()
os.register_at_fork(after_in_child=_new_lock)
