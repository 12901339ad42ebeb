"""Thread-local storage of linked code in a Windows process: carriers, which its loader opens and closes.

A carrier is a file of the controller's memory, which a program under wine opens by the controller's process number.
The loader takes two modules of one path for the same one, as long as it has the first: each has a path of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count

from uruk.errors import LibraryError, TLSError
from uruk.executor.interface import Libraries
from uruk.formats.coff.carrier import build_carrier
from uruk.host import path_of_open_file
from uruk.passes.tls.interface import StorageInPlace
from uruk.platforms.bare import NoTLS

_NO_MODELS = "its thread-locals are made for the loader of another system"


class Carrier:
    """One module's storage; see `uruk.passes.tls.interface.Storage`. No thread has it before `open`."""

    tp_offset = None
    module_id = 0
    """The loader writes the number into the module's own variable."""

    def __init__(self, carriers: Carriers, place: StorageInPlace, content: bytes, module: str) -> None:
        self.place = place
        self._carriers = carriers
        self._content = content
        self._what = module
        self._handle = 0
        self._path = ""

    def open(self) -> None:
        """Give every thread its storage, and call the module's functions for a process that begins.

        The linked code must be in memory, with the template. Raises TLSError.
        """
        file = _memory_file(self._content, self._what)
        try:
            self._path = self._carriers.new_path(file)
            self._handle = self._carriers.libraries.load(self._path)
        except LibraryError as error:
            raise TLSError(self._what, f"the loader gives its thread-locals no storage: {error}") from error
        finally:
            # A path that the loader has not taken may be given to the next carrier.
            if not self._handle:
                self._carriers.paths.discard(self._path)
            # The loader opens the file by this descriptor's path: the descriptor must live until then, and no longer.
            os.close(file)

    def make_static(self, module: str) -> int:
        """See `Storage.make_static`. Raises TLSError: code of Windows has no fixed offsets."""
        raise TLSError(module, _NO_MODELS)

    def close(self) -> int:
        """See `Storage.close`: the module's functions are called for a process that ends, and the index is free."""
        # The handle is taken first, so that a second close, or one after an error, unloads nothing twice.
        handle, self._handle = self._handle, 0
        self._carriers.given.pop(self.place.template, None)
        if handle:
            self._carriers.unload(handle)
            self._carriers.paths.discard(self._path)
        return 0


def _memory_file(content: bytes, module: str) -> int:
    """Return an open file of memory with this content. Raises TLSError where this process may have none."""
    try:
        with ExitStack() as failed:
            file = os.memfd_create("uruk-carrier")
            failed.callback(os.close, file)
            left = memoryview(content)
            while left:  # under a limit of file sizes a first part may be written, and the rest is refused
                left = left[os.write(file, left) :]
            failed.pop_all()
            return file
    except OSError as error:
        raise TLSError(module, f"no memory file for a carrier: {error.strerror}") from error


class Carriers(NoTLS):
    """The carriers of one session; see `uruk.passes.tls.interface.TLSLoader`."""

    def __init__(self, architecture: str, libraries: Libraries, unload: Callable[[int], object]) -> None:
        """`architecture` is the first part of the process's triple; `unload` takes the handle of a library."""
        super().__init__(_NO_MODELS)
        self._architecture = architecture
        self.libraries = libraries
        self.unload = unload
        self.paths: set[str] = set()
        """Those of carriers that are open."""
        self.given: dict[int, StorageInPlace] = {}
        """Storage with a template, by the template's address."""

    def new_path(self, file: int) -> str:
        """Return a path of an open file of this process that no open carrier has, as Windows writes it.

        The dot at its end keeps the loader from appending a suffix.
        """
        # The kernel gives numbers of closed descriptors again: the plain path may be an open carrier's, and each turn
        # spells it in another way.
        paths = (f"Z:{path_of_open_file(file, turn)}.".replace("/", "\\") for turn in count())
        path = next(path for path in paths if path not in self.paths)
        self.paths.add(path)
        return path

    def load_in_place(self, place: StorageInPlace, module: str) -> Carrier:
        """See `TLSLoader.load_in_place`."""
        content = build_carrier(
            self._architecture,
            template=place.template,
            stored=place.stored,
            zeros=place.zeros,
            align=place.align,
            index=place.index_variable,
            callbacks=place.callbacks,
            module=module,
        )
        # Only initial values have an address in linked code; zeros have no template.
        if place.stored:
            self.given[place.template] = place
        return Carrier(self, place, content, module)

    def place_at(self, address: int) -> StorageInPlace | None:
        """See `TLSLoader.place_at`."""
        places = self.given.values()
        return next((place for place in places if 0 <= address - place.template < place.stored + place.zeros), None)
