"""Thread-local storage of a session's linked code in a process: carriers, descriptors, and bindings to libraries."""

from __future__ import annotations

from collections.abc import Callable

from uruk.errors import TLSError
from uruk.formats.elf.carrier import ImportModel, TLSImport
from uruk.graph.kinds import Operand
from uruk.passes.tls.interface import Storage, StorageInPlace
from uruk.platforms.linux.tls import refusal
from uruk.platforms.linux.tls.carriers import Carriers, LoadedCarrier
from uruk.platforms.linux.tls.descriptors import DescriptorFunctions, Descriptors

_MODELS = {
    Operand.TLS_IE: ImportModel.INITIAL_EXEC,
    Operand.TLS_GD: ImportModel.DYNAMIC,
    Operand.TLS_DESC: ImportModel.DESCRIPTOR,
}


class ProcessTLS:
    """Thread-local storage of one session in a process; see `uruk.passes.tls.interface.TLSLoader`."""

    def __init__(self, carriers: Carriers, functions: Callable[[], DescriptorFunctions]) -> None:
        self.carriers = carriers
        self.descriptors = Descriptors(carriers, functions)
        self._bound: dict[tuple[bytes, str, int], LoadedCarrier] = {}

    def load(
        self, image: bytes, size: int, align: int, static: bool | None, descriptors: bool, module: str
    ) -> LoadedCarrier:
        """See `TLSLoader.load`."""
        size, align = max(size, 1), max(align, 1)  # an empty image still needs a module of its own
        if static is None:  # static storage is faster, and the only kind that every access model can use
            try:
                return self.carriers.load(image, size, align, static=True, module=module)
            except TLSError:
                static = False
        # From the loader's descriptor for the first byte the module's generation is read; see `Descriptors`.
        probes = (0,) if descriptors and not static else ()
        return self.carriers.load(image, size, align, static=static, descriptors=probes, module=module)

    def load_in_place(self, place: StorageInPlace, module: str) -> Storage:
        """See `TLSLoader.load_in_place`. Raises TLSError: ld.so takes no template that lies elsewhere."""
        raise TLSError(
            module, "its thread-locals are made for the loader of another system", "run it in a process of that"
        )

    def place_at(self, address: int) -> None:
        """See `TLSLoader.place_at`: all storage is the loader's own."""

    def descriptor(self, storage: Storage | None, offset: int) -> tuple[int, int]:
        """See `TLSLoader.descriptor`."""
        assert storage is None or isinstance(storage, LoadedCarrier)
        return self.descriptors.make(storage, offset)

    def bind(self, name: bytes, library: str, operand: int) -> tuple[int, ...]:
        """See `TLSLoader.bind`; the carrier stays loaded until `close`."""
        words = self._words(name, library, operand)
        return self.descriptors.of_library(*words) if operand == Operand.TLS_DESC else words

    def offset_of(self, name: bytes, library: str) -> int | None:
        """See `TLSLoader.offset_of`."""
        return self.descriptors.offset_of_library(*self._words(name, library, Operand.TLS_DESC))

    def _words(self, name: bytes, library: str, operand: int) -> tuple[int, ...]:
        """Return what the loader wrote for a library's thread-local."""
        key = (name, library, operand)
        if key not in self._bound:
            wanted = TLSImport(name.decode("utf-8", "surrogateescape"), _MODELS[operand])
            try:
                self._bound[key] = self.carriers.load(
                    b"", 0, 1, static=False, imports=(wanted,), needed=(library,), module=library
                )
            except TLSError as error:
                error.variable = name if error.problem == refusal.ALREADY_DYNAMIC else b""
                raise
        return tuple(self._bound[key].imports[0])

    def is_static(self, name: bytes, library: str) -> bool:
        """Return True if initial-exec code can be bound to a library's thread-local, False once it is dynamic."""
        try:
            self.bind(name, library, Operand.TLS_IE)
        except TLSError as error:
            if error.problem == refusal.ALREADY_DYNAMIC:
                return False
            raise
        return True

    def close(self) -> None:
        """Unload the carriers that bind to libraries."""
        for carrier in self._bound.values():
            carrier.close()
        self._bound.clear()
