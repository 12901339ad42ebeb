"""TLS descriptors of linked code: pairs {function, argument} whose functions are uruk's own.

A descriptor's function must keep every register but %rax (psABI x86-64, "TLS descriptors"). glibc's for dynamic storage
does not keep vector registers before version 2.40, so code that holds a sum in %xmm0 across the access loses it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from uruk.errors import TLSError
from uruk.platforms.linux.tls.carriers import Carriers, LoadedCarrier
from uruk.records import record

NEVER = (1 << 64) - 1
"""A generation that no thread has: the function then always asks `__tls_get_addr`."""

_WORD = (1 << 64) - 1


@record
class DescriptorFunctions:
    """Addresses of the functions in descriptors, and what their argument is.

    `static`: the variable's offset from the thread pointer. `dynamic`: the address of three words, module id, offset
    in its block, and the generation of thread-local modules that has it. `undefined`: the variable's address.
    """

    static: int
    dynamic: int
    undefined: int


class Descriptors:
    """Makes descriptors; `functions` is asked once, when the first is made."""

    def __init__(self, carriers: Carriers, functions: Callable[[], DescriptorFunctions]) -> None:
        self._carriers = carriers
        self._ask_functions = functions
        self._found: DescriptorFunctions | None = None
        self._loaders_dynamic = 0
        self._loaders_static: int | None = None

    def make(self, storage: LoadedCarrier | None, offset: int) -> tuple[int, int]:
        """Return the descriptor for an offset in a module's storage, which is valid while that is open.

        Without storage it is the descriptor of a weak undefined thread-local.
        """
        functions = self._functions()
        if storage is None:
            return functions.undefined, offset & _WORD
        if storage.tp_offset is not None:
            return functions.static, (storage.tp_offset + offset) & _WORD
        words = (storage.module_id, offset & _WORD, _generation(storage))
        return functions.dynamic, storage.argument(offset, words)

    def of_library(self, function: int, argument: int) -> tuple[int, int]:
        """Return the descriptor to use for one that the loader made: only its dynamic function is replaced."""
        if not self._loaders_dynamic:
            # The loader does not export its functions: a descriptor that it fills in shows the address of one.
            probe = self._carriers.load(b"", 8, 8, static=False, descriptors=(0,))
            self._loaders_dynamic = probe.descriptors[0][0]
            probe.close()
        return (self._functions().dynamic if function == self._loaders_dynamic else function), argument

    def offset_of_library(self, function: int, argument: int) -> int | None:
        """Return the offset from the thread pointer of a library's variable, by the loader's descriptor.

        Returns None if the storage is not static.

        The loader's function for static storage is read from a descriptor of one byte; without room for that byte it is
        not known.
        """
        if self._loaders_static is None:
            self._loaders_static = 0
            try:
                probe = self._carriers.load(b"", 1, 1, static=True, descriptors=(0,))
            except TLSError:
                return None
            own, offset = probe.descriptors[0]
            # Only of static storage the argument is the offset itself (psABI, "TLS descriptors").
            if probe.tp_offset is not None and offset == probe.tp_offset & _WORD:
                self._loaders_static = own
            probe.close()
        # The argument is a signed offset: on x86-64 static storage lies below the thread pointer.
        return argument - ((argument >> 63) << 64) if function == self._loaders_static else None

    def _functions(self) -> DescriptorFunctions:
        if self._found is None:
            self._found = self._ask_functions()
        return self._found


def _generation(storage: LoadedCarrier) -> int:
    """Return the generation that glibc gave a module, from the loader's own descriptor for the module's first byte.

    That is struct tlsdesc_dynamic_arg {module, offset, generation} (glibc, sysdeps/x86_64/tlsdesc.h of 2.36); its first
    two words are checked.
    """
    if not storage.descriptors:
        return NEVER
    words = storage.home.loader.read(storage.descriptors[0][1], 24)
    module, offset, generation = struct.unpack("<3Q", words)
    return int(generation) if (module, offset) == (storage.module_id, 0) else NEVER
