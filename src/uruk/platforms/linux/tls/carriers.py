"""Carriers of one process: its thread-local storage of linked code, by the process's own dynamic loader.

    carriers.load(image, memory_size, alignment, static=True) -> LoadedCarrier
    loaded.close() -> bytes not recovered

A carrier (`uruk.formats.elf.carrier`) is opened there by a `Loader`, and read back. glibc hands out static TLS upwards
and takes back only the block given last (elf/dl-close.c). So a static carrier that is closed out of order stays loaded
until those after it are gone, instead of leaving a hole for good.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from uruk.errors import ExecutorTimeout, TLSError
from uruk.formats.elf.carrier import (
    STATIC_ALIGNMENT,
    CarrierFile,
    CarrierValues,
    TLSImport,
    build_carrier,
)
from uruk.formats.elf.loadable import LoaderMachine
from uruk.platforms.linux.tls import refusal
from uruk.platforms.linux.tls.refusal import StaticNeed

_TRIES = 8
"""The number of carriers that are made for an end of the area that others move meanwhile."""
_LARGEST_AREA = 1 << 30  # bytes of static storage


class Loader(Protocol):
    """The dynamic loader of a process, as carriers need it."""

    def open(self, data: bytes) -> tuple[int, str]:
        """Return the loader's handle for an object with these bytes; 0, and the loader's text, if it refuses.

        Raises OSError where there is no memory file for it.
        """
        ...

    def close(self, handle: int) -> None:
        """Unload an object."""
        ...

    def link_map(self, handle: int) -> tuple[int, bytes]:
        """Return a loaded object's bias, and its path string as the loader has it."""
        ...

    def read(self, address: int, size: int) -> bytes:
        """Return bytes of a loaded object."""
        ...

    def keep_words(self, words: Sequence[int]) -> int:
        """Return the address of memory of the C library with these words; 0 if it has none."""
        ...

    def free(self, address: int) -> None:
        """Free what `keep_words` gave."""
        ...

    def objects_ever_loaded(self) -> int:
        """Return how many objects the loader has loaded since the process began (dlpi_adds)."""
        ...

    def tls_of_object(self, path: str) -> StaticNeed | None:
        """Return the PT_TLS of the loaded object with this path string; None if there is none."""
        ...

    def refusal(self, error: TLSError) -> TLSError:
        """Return an error for want of room, with what helps in that process."""
        ...


class Carriers:
    """All carriers of a process; sessions of one process share it."""

    def __init__(self, loader: Loader, machine: LoaderMachine) -> None:
        self.loader = loader
        self.machine = machine
        self.lock = threading.RLock()
        self.area = StaticArea(self)
        self._serial = itertools.count(1)

    def load(
        self,
        image: bytes,
        memory_size: int,
        alignment: int,
        *,
        static: bool,
        descriptors: Sequence[int] = (),
        imports: Sequence[TLSImport] = (),
        needed: Sequence[str] = (),
        module: str = "thread-local storage",
    ) -> LoadedCarrier:
        """Build a carrier (arguments as for `build_carrier`) and load it: running and new threads have the storage.

        Libraries in `needed` are loaded if they are not. Raises TLSError where static TLS does not fit, where an
        imported variable's library already has dynamic TLS (`problem` is then `refusal.ALREADY_DYNAMIC`), or
        where `build_carrier` does.
        """
        # Dynamic storage can become static only by an import of it, which needs a name; see `make_static`.
        export = "" if static or descriptors or not memory_size else f"uruk_tls_{next(self._serial)}"
        build = partial(
            build_carrier, image, memory_size, alignment, static=static, machine=self.machine,
            descriptors=descriptors, imports=imports, needed=needed, export=export, module=module,
        )  # fmt: skip
        with self.lock:
            self.area.collect()
            is_placed = static and 0 < alignment <= STATIC_ALIGNMENT
            loaded = self._load_aligned(build, memory_size, alignment if is_placed else 1, module, export)
            self.area.opened(loaded, imports)
            return loaded

    def _load_aligned(
        self, build: Callable[..., CarrierFile], size: int, alignment: int, module: str, export: str
    ) -> LoadedCarrier:
        """Load what `build` makes, at an aligned place of the static area: glibc takes the next one there."""
        filler = None
        if self.machine.grows_up:  # a filler takes the bytes that glibc would skip
            filler, padding = self._fill_gap(-self.area.used % alignment), 0
        else:  # a block lies right behind the last one, whatever its alignment, so that it is made larger
            padding = -(self.area.used + size) % alignment
        for _ in range(_TRIES):
            try:
                loaded = self._open(build(padding=padding), module, export)
            finally:
                if filler is not None:
                    filler.close()  # it stays loaded until what came behind it goes
            if self.machine.grows_up or not loaded.end % alignment:
                return loaded
            # Another library took static TLS since the last carrier; now its end is known.
            self.unload(loaded)
            self.area.used = loaded.start
            padding = -(loaded.start + size) % alignment
        raise TLSError(module, f"the loader does not align static storage to {alignment}, whatever comes before it")

    def unrecovered_bytes(self) -> int:
        """Return the bytes of static TLS of closed carriers that wait for later storage to go."""
        with self.lock:
            self.area.collect()
            return sum(carrier.block_size for carrier in self.area.stack if carrier.closed)

    def static_bytes_left(self) -> int:
        """Return how many bytes of static TLS the loader still has; found by trying, in about half a millisecond."""
        with self.lock:
            # The loader does not tell: doubling finds a size that does not fit, halving the largest that does.
            low, high = 0, 1 << 12
            while high < _LARGEST_AREA and self._fits(high):
                low, high = high, high * 2
            while low + 1 < high:
                middle = (low + high) // 2
                low, high = (middle, high) if self._fits(middle) else (low, middle)
            return low

    def _open(self, file: CarrierFile, module: str, export: str = "") -> LoadedCarrier:
        try:
            handle, text = self.loader.open(file.data)
        except ExecutorTimeout:  # a TimeoutError is an OSError, too
            raise
        except OSError as error:
            raise TLSError(module, f"no memory file for a carrier: {error.strerror}") from error
        if not handle:
            raise self.loader.refusal(
                refusal.explain(text, file, module, self.static_bytes_left, self.loader.tls_of_object)
            )
        return LoadedCarrier(self, handle, file, self._values(handle, file), export)

    def _values(self, handle: int, file: CarrierFile) -> CarrierValues:
        return file.decode(self.loader.read(self.loader.link_map(handle)[0] + file.slots, file.slots_size))

    def make_static(self, carrier: LoadedCarrier, export: str, module: str) -> None:
        """Have the loader give a carrier static storage: by a second carrier that imports it as initial-exec code does.

        glibc (2.36, elf/dl-reloc.c) grants that as long as no thread has used the storage, for running threads as well.
        """
        self.area.collect()
        if not export or carrier.alignment > STATIC_ALIGNMENT or carrier.handle is None:
            raise self._stays_dynamic(carrier, module, export != "")
        path = self.loader.link_map(carrier.handle)[1]
        wanted = TLSImport(export)
        file = build_carrier(
            b"", 0, 1, static=False, machine=self.machine, imports=(wanted,), needed=(os.fsdecode(path),), module=module
        )
        end = self.area.used + (0 if self.machine.grows_up else carrier.size)
        filler = self._fill_gap(-end % carrier.alignment)
        handle, _ = self.loader.open(file.data)
        if handle:
            carrier.tp_offset = self._values(handle, file).imports[0][0]
            self.loader.close(handle)  # the storage stays static: it belongs to the imported carrier
            self.area.opened(carrier, ())
        if filler is not None:
            filler.close()
        if not handle:
            raise self._stays_dynamic(carrier, module, True)

    def _stays_dynamic(self, carrier: LoadedCarrier, module: str, movable: bool) -> TLSError:
        left = self.static_bytes_left()
        return self.loader.refusal(refusal.stays_dynamic(module, carrier.size, carrier.alignment, left, movable))

    def _fill_gap(self, size: int) -> LoadedCarrier | None:
        """Return a carrier for the bytes that glibc's own alignment would lose for good.

        Returns None if none are needed or left.
        """
        if not size:
            return None
        handle, _ = self.loader.open((file := self._static_bytes(size)).data)
        if not handle:
            return None
        filler = LoadedCarrier(self, handle, file, self._values(handle, file))
        self.area.opened(filler, ())
        return filler

    def unload(self, loaded: LoadedCarrier) -> None:
        """Unload a carrier, wherever its storage lies."""
        handle, loaded.handle = loaded.handle, None  # first: an interrupted call must not close it twice
        if handle is not None:
            self.loader.close(handle)
        while loaded.arguments:
            self.loader.free(loaded.arguments.popitem()[1])

    def end_of_area(self) -> int | None:
        """Return the bytes of static TLS in use now, found by loading one more; None if there is no room for that."""
        file = self._static_bytes(1)
        handle, _ = self.loader.open(file.data)
        if not handle:
            return None
        offset = self._values(handle, file).tp_offset
        self.loader.close(handle)
        if offset is None:
            return None
        return offset if self.machine.grows_up else -offset - 1

    def _static_bytes(self, size: int) -> CarrierFile:
        return build_carrier(b"", size, 1, static=True, machine=self.machine)

    def _fits(self, size: int) -> bool:
        handle, _ = self.loader.open(self._static_bytes(size).data)
        if handle:
            self.loader.close(handle)
        return bool(handle)


class LoadedCarrier:
    """A carrier that the dynamic loader has loaded: the storage of one module, for every thread.

    `module_id`, `tp_offset`, `descriptors` and `imports` as in `CarrierValues`; all are good until `close`.
    """

    def __init__(self, home: Carriers, handle: int, file: CarrierFile, values: CarrierValues, export: str = "") -> None:
        self.home = home
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
        """Bytes of static storage in use before this carrier came."""
        return self.end - self.block_size

    @property
    def end(self) -> int:
        """Bytes of static storage, below the thread pointer or above it, in use with this carrier (0: not static)."""
        if self.tp_offset is None:
            return 0
        return self.tp_offset + self.size if self.home.machine.grows_up else -self.tp_offset

    def argument(self, offset: int, words: tuple[int, int, int]) -> int:
        """Return the address of three words for a descriptor, made on the first call for an offset; good until `close`.

        They are the C library's memory: code may use them while the process exits, after the interpreter has ended.
        """
        if offset not in self.arguments:
            address = self.home.loader.keep_words(words)
            if not address:
                raise TLSError("thread-local storage", "no memory for a descriptor")
            self.arguments[offset] = address
        return self.arguments[offset]

    def make_static(self, module: str) -> int:
        """Return the offset from the thread pointer; dynamic storage that no thread has used yet becomes static for it.

        `module` is the one that asks, for errors. Raises TLSError where that cannot be: a thread has used it, too
        little room, or an alignment above the thread pointer's.
        """
        with self.home.lock:
            if self.tp_offset is None:
                self.home.make_static(self, self._export, module)
            assert self.tp_offset is not None
            return self.tp_offset

    def close(self) -> int:
        """Give the storage back; no linked code of the module may run any more. Closing twice is harmless.

        Returns the bytes of static TLS that could not be recovered: 0, or the size of the block while storage that was
        handed out later is still in use (it is recovered when that goes, see `unrecovered_bytes`).
        """
        with self.home.lock:
            if self.closed:
                return 0
            self.closed = True
            return self.home.area.close(self)


class StaticArea:
    """The static carriers in the order of their space, closed ones that must wait included."""

    def __init__(self, home: Carriers) -> None:
        self._home = home
        self.stack: list[LoadedCarrier] = []
        self.used = 0  # the last known end of the area: a guess once other libraries have been loaded
        # The loader's count of objects ever loaded when `used` was known for sure; None when it is not.
        self._objects: int | None = None

    def opened(self, loaded: LoadedCarrier, imports: Sequence[TLSImport]) -> None:
        """Note a carrier that was loaded."""
        if loaded.tp_offset is not None:
            self.stack.append(loaded)
            self.used = loaded.end
            self._objects = self._home.loader.objects_ever_loaded()
        elif self._objects is not None:
            self._objects += 1  # the carrier itself, which has taken no static storage
        if imports:
            # Binding them may have given a library static storage behind ours.
            self._objects = None

    def close(self, loaded: LoadedCarrier) -> int:
        """Unload a carrier, or keep it until storage behind it goes; returns the bytes that are kept."""
        if loaded.tp_offset is None:
            self._home.unload(loaded)
            return 0
        self.collect()
        return loaded.block_size if loaded in self.stack else 0

    def collect(self) -> None:
        """Unload closed carriers from the end of the area, as far as they are its end."""
        while self.stack and self.stack[-1].closed and self._is_last(self.stack[-1]):
            last = self.stack.pop()
            self._home.unload(last)
            self.used = last.start

    def _is_last(self, loaded: LoadedCarrier) -> bool:
        # No object came since: the area can only have become smaller, by other libraries that went.
        if self.used == loaded.end and self._objects == self._home.loader.objects_ever_loaded():
            return True
        end = self._home.end_of_area()
        # Without room for even one byte it cannot be found out; then it is better to give back than to keep.
        if end is not None and end != loaded.end:
            return False
        self._objects = self._home.loader.objects_ever_loaded()
        self.used = loaded.end
        return True
