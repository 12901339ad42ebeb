"""Thread-local storage of a session's linked code in a process: carriers, descriptors, and bindings to libraries."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, cast

from uruk.errors import TLSError
from uruk.graph.kinds import Operand
from uruk.passes.tls.interface import Storage, StorageInPlace

if TYPE_CHECKING:
    from uruk.platforms.linux.tls.carriers import Carriers, LoadedCarrier
    from uruk.platforms.linux.tls.descriptors import DescriptorFunctions, Descriptors


class ProcessTLS:
    """Thread-local storage of one session in a process; see `uruk.passes.tls.interface.TLSLoader`.

    Every link is given one. So carriers, and what makes them, are imported only with the first thread-local.
    """

    def __init__(self, carriers: Callable[[], Carriers], functions: Callable[[], DescriptorFunctions]) -> None:
        self._ask_carriers = carriers
        self._ask_functions = functions
        self._bound: dict[tuple[bytes, str, int], LoadedCarrier] = {}

    @cached_property
    def carriers(self) -> Carriers:
        """The carriers of the process."""
        return self._ask_carriers()

    @cached_property
    def descriptors(self) -> Descriptors:
        """The maker of TLS descriptors."""
        from uruk.platforms.linux.tls.descriptors import Descriptors

        return Descriptors(self.carriers, self._ask_functions)

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
        # What `load` returned comes back, so it is a carrier.
        return self.descriptors.make(cast("LoadedCarrier | None", storage), offset)

    def bind(self, name: bytes, library: str, operand: int) -> tuple[int, ...]:
        """See `TLSLoader.bind`; the carrier stays loaded until `close`."""
        words = self._words(name, library, operand)
        return self.descriptors.of_library(*words) if operand == Operand.TLS_DESC else words

    def offset_of(self, name: bytes, library: str) -> int | None:
        """See `TLSLoader.offset_of`."""
        return self.descriptors.offset_of_library(*self._words(name, library, Operand.TLS_DESC))

    def _words(self, name: bytes, library: str, operand: int) -> tuple[int, ...]:
        """Return what the loader wrote for a library's thread-local."""
        from uruk.formats.elf.carrier import ImportModel, TLSImport

        models = {
            Operand.TLS_IE: ImportModel.INITIAL_EXEC,
            Operand.TLS_GD: ImportModel.DYNAMIC,
            Operand.TLS_DESC: ImportModel.DESCRIPTOR,
        }
        key = (name, library, operand)
        if key not in self._bound:
            wanted = TLSImport(name.decode("utf-8", "surrogateescape"), models[operand])
            try:
                self._bound[key] = self.carriers.load(
                    b"", 0, 1, static=False, imports=(wanted,), needed=(library,), module=library
                )
            except TLSError as error:
                error.variable = name if _is_already_dynamic(error) else b""
                raise
        return tuple(self._bound[key].imports[0])

    def is_static(self, name: bytes, library: str) -> bool:
        """Return True if initial-exec code can be bound to a library's thread-local, False once it is dynamic."""
        try:
            self.bind(name, library, Operand.TLS_IE)
        except TLSError as error:
            if _is_already_dynamic(error):
                return False
            raise
        return True

    def close(self) -> None:
        """Unload the carriers that bind to libraries."""
        for carrier in self._bound.values():
            carrier.close()
        self._bound.clear()


def _is_already_dynamic(error: TLSError) -> bool:
    from uruk.platforms.linux.tls.refusal import ALREADY_DYNAMIC

    return error.problem == ALREADY_DYNAMIC
