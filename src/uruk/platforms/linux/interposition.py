"""The names that libraries see of a program linked after they are loaded, in a process that is the program's alone.

A program's definitions come before those of libraries, for the libraries' references, too (gABI, "Shared Object
Dependencies"). The loader has bound these before, and they are bound again (runtime/linux/imports.c). Copies of their
data come first as well, which -fno-pie code has where it cannot reach a library (a static linker's copy relocations).
So do the stubs by which such code knows the libraries' functions (the PLT entries of a linked executable). A
library that wants a name from the program is given one, to be bound when the program is linked; with `everything`, as
by ``-rdynamic``, libraries that the program opens itself find its names as well (`uruk.formats.elf.exports`). The
program's own `dlsym` finds them first, too (runtime/linux/program_names.c).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import numpy as np

from uruk.errors import AllocationError, LibraryError, ObjectFormatError
from uruk.executor import sps
from uruk.executor.interface import Executor
from uruk.graph.types import I64, some, true_rows
from uruk.isa.interface import architecture_of
from uruk.orc.dylib import JITDylib
from uruk.orc.lookup.exports import all_shown, offered, shown
from uruk.orc.registry.symbols import Flag, Rank
from uruk.platforms.linux.platform import LinuxPlatform
from uruk.platforms.linux.tls.program import ADDRESSES, ProgramThreadLocals, imported_names

MALLOC, LIBC = b"malloc", "libc.so.6"


class ProgramExports:
    """The names that a dylib gives to libraries. `everything`: its names are found by ``dlopen`` and ``dlsym``, too."""

    def __init__(
        self, dylib: JITDylib, executor: Executor, platform: LinuxPlatform, *, everything: bool = False
    ) -> None:
        self.everything = everything
        self.requested: dict[bytes, int] = {}
        """Names that libraries want from the program, with an address that stands for theirs."""
        self.requested_locals: dict[bytes, int] = {}
        """Thread-locals that libraries want, with a size."""
        self._dylib = dylib
        self._executor = executor
        self._platform = platform
        platform.replacements[b"dlsym"] = b"uruk_rt_dlsym"
        self._runtime = platform.runtime
        self._thread_locals = ProgramThreadLocals(dylib, platform.runtime)
        self._shown_locals: list[bytes] = []
        self.looks_for_wrappers = False
        """True where a sanitizer's runtime was loaded before all else, which wraps functions of libraries."""
        self._handle = 0
        self._unversioned: set[str] = set()
        """Paths of libraries whose names stand for every version of them."""
        self._elsewhere: dict[bytes, int] | None = None
        """The answer of `_found_elsewhere` in the `bind` that is under way; None before it is asked."""
        dylib.session.stand_ins = {}

    @property
    def wanted(self) -> list[bytes]:
        """The names that the program must define, as libraries want them."""
        return [*self.requested, *self.requested_locals]

    def provide(self, error: LibraryError) -> bool:
        """Give a refused library the name that it lacks, if the program has it; whether to try again."""
        name = error.undefined
        if not name or name in self.requested or name in self.requested_locals:
            return False
        offer = offered(self._dylib.session, self._dylib, name)
        if offer is None:
            return False
        if offer.thread_local:
            self.requested_locals[name] = offer.size
        else:
            # The program is not linked yet, and the library's constructors may call: that ends with a message.
            self.requested[name] = self._runtime.address[b"uruk_rt_not_linked_yet"]
        if self._handle:  # one object has all names so far: the loader cannot add to one that is open
            self._runtime.call(b"uruk_rt_close_carrier", self._handle)
        self._handle = self._open(self.requested, self.requested_locals)
        return bool(self._handle)

    def refuse_late(self, paths: Sequence[str]) -> None:
        """Raise LibraryError for a library that replaces malloc, and is about to be loaded into a process that has one.

        The C library's own functions call malloc as libraries do, and what they have taken is freed by the program
        (strdup, getline): so the process must have had one malloc from its start. The same holds for a library whose
        functions a sanitizer wraps (`uruk.platforms.linux.wrapped_functions`).
        """
        if self.looks_for_wrappers:
            from uruk.platforms.linux.wrapped_functions import late_library  # few programs have a sanitizer

            late, function = late_library(self._executor, paths)
            if late:
                raise _late(late, f"{function}, which the process has from a sanitizer's runtime already")
        seen = [(path, *_look_into(path)) for path in paths]
        self._unversioned.update(path for path, unversioned, _ in seen if unversioned)
        late = next((path for path, _, replaces in seen if replaces), None)
        if late is None:
            return
        libraries = self._executor.libraries
        places = [libraries.find_symbol(handle, MALLOC)[0] for handle in (None, libraries.load(LIBC))]
        if places[0] == places[1]:  # else a library was preloaded that replaces it
            raise _late(late, "malloc, which the C library calls, too")

    def bind(self) -> int:
        """Bind libraries' references to the definitions of the dylib, which is linked; returns their number.

        Inline functions and templates stay the libraries' own, which are equal. Raises TLSError for a thread-local that
        a library wants at a fixed offset from the thread pointer, where it can have none.
        """
        self._elsewhere = None
        moved = self._dylib.session.stand_ins or {}
        rows = [(place, stand_in.address, stand_in.size, stand_in.constant) for place, stand_in in moved.items()]
        if rows and self._runtime.call(b"uruk_rt_move_imports", b"".join(sps.u64(*row) for row in rows), len(rows)):
            raise AllocationError("no memory for what the program has in the place of libraries' data and functions")
        bound = self._thread_locals.bind(self.requested_locals)
        imported = imported_names(self._runtime, ADDRESSES)
        # Weak definitions of names that libraries asked for count, too: the library has no other.
        wanted = self._overriding(imported) | self._linked(imported, strong=True) | self._linked(self.requested)
        self._show_names()
        if b"dlopen" in self._platform.replaced or b"dlopen" in imported:
            self._thread_locals.keep(self._shown_locals)
            wanted = self._keep_names(wanted)
        if not wanted:
            return bound
        texts = b"".join(name + b"\0" for name in wanted)
        return bound + self._runtime.call(b"uruk_rt_bind_imports", texts, sps.u64(*wanted.values()), len(wanted))

    def _overriding(self, imported: Iterable[bytes]) -> dict[bytes, int]:
        """Return functions that libraries of the line define, and the process had before they came: they come first.

        The loader looks in what is opened later last; at a program's start the libraries of its line come before the C
        library, which they need. A name that has a version there means none that a library defines with versions of
        its own.
        """
        libraries, names = self._dylib.search.libraries, list(imported)
        handles = [library.handle for library in libraries if library.path in self._unversioned]
        if not handles:
            return {}
        own = self._executor.libraries.find_symbols(handles, names)
        rows: list[int] = true_rows(own.defined & ~own.is_data).tolist()
        found = self._executor.libraries.find_symbols([None], [names[row] for row in rows])
        places: list[int] = own.address[rows].view(np.uint64).tolist()
        differs = (found.found & (found.address != own.address[rows])).tolist()
        return {names[row]: place for row, place, other in zip(rows, places, differs, strict=True) if other}

    def _show_names(self) -> None:
        """Have the program's names found by dlsym; without `everything` only those that a library has as well.

        A linker exports these from an executable: libraries define them, and the program's come first.
        """
        asked = b"dlsym" in self._platform.replaced
        if not (asked or self.everything):
            return
        # Names with a version stand beside those without, and dlsym asks without.
        if self.everything:
            names = self._addresses(*self._own())
            self._shown_locals = self._thread_locals.all()
        else:
            names = self._found_elsewhere()
        # Libraries that are opened get the program's own; the object only has the names, with little storage.
        handle = self._open(names, dict.fromkeys(self._shown_locals, 0)) if names or self._shown_locals else 0
        if asked and (handle or self._dylib.session.stand_ins):
            self._runtime.call(b"uruk_rt_set_program_names", handle)

    def _keep_names(self, wanted: dict[bytes, int]) -> dict[bytes, int]:
        """Have libraries that come later find the program's names before those of libraries, as those of the line do.

        A linker exports from an executable what libraries of the line refer to, or define. Returns `wanted` with what
        libraries are to call in the place of dlopen. Raises AllocationError.
        """
        names, table = self._dylib.names, self._dylib.session.table
        found = {
            name: address
            for name, address in self._found_elsewhere().items()
            if table.rank.item(names[name]) == Rank.STRONG
        }
        kept = {**wanted, **found}
        if not kept and not self._dylib.session.stand_ins:
            return wanted
        opens = {b"dlopen": self._runtime.address[b"uruk_rt_dlopen_of_library"]}
        # A program's own `dlopen` overrides uruk's, as the right side of `|` wins.
        kept = opens | kept
        texts = b"".join(name + b"\0" for name in kept)
        if self._runtime.call(b"uruk_rt_keep_names", texts, len(texts), sps.u64(*kept.values()), len(kept)):
            raise AllocationError("no memory for the program's names that libraries find")
        return opens | wanted

    def _found_elsewhere(self) -> dict[bytes, int]:
        """Those of the program's names that a library defines as well: one question for all of them."""
        if self._elsewhere is None or self.everything:  # what is opened for everybody is found from then on
            names, number = self._own()
            rows: list[int] = true_rows(self._executor.libraries.find_symbols([None], names).found).tolist()
            self._elsewhere = self._addresses([names[row] for row in rows], number[rows])
        return self._elsewhere

    def _own(self) -> tuple[list[bytes], I64]:
        """Return all names without a version that the dylib's objects define, and show to others; and their numbers.

        Thread-locals are not among them: asking a library for one makes its storage dynamic for good.
        """
        session = self._dylib.session
        names, number = all_shown(session, self._dylib)
        odd = session.table.flags[number] & Flag.TLS != 0
        # Versions are rare: one search of the joined text spares a look at each name.
        if b"@" in b"".join(names):
            odd |= np.array([b"@" in name for name in names], np.bool_)
        if not some(odd):
            return names, number
        rows = true_rows(~odd)
        return [names[row] for row in rows.tolist()], number[rows]

    def _linked(self, names: Iterable[bytes], *, strong: bool = False) -> dict[bytes, int]:
        """Return the addresses of those names that the dylib's objects define, and show to others."""
        return self._addresses(*shown(self._dylib.session, self._dylib, names, strong=strong))

    def _addresses(self, names: list[bytes], number: I64) -> dict[bytes, int]:
        """Return the addresses of names that are no thread-locals, by their numbers."""
        table = self._dylib.session.table
        address: list[int] = table.address[number].view(np.uint64).tolist()
        for row in true_rows(table.flags[number] & Flag.TLS != 0)[::-1].tolist():
            del names[row], address[row]
        return dict(zip(names, address, strict=True))

    def _open(self, symbols: dict[bytes, int], thread_locals: dict[bytes, int] | None = None) -> int:
        """Open exports of these names for everybody; the handle, 0 where there is no memory file."""
        from uruk.formats.elf.exports import build_exports  # most libraries want nothing of a program

        data = build_exports(symbols, architecture_of(self._runtime.process.triple).name, thread_locals)
        return self._runtime.call(b"uruk_rt_open_exports", data, len(data))


def _late(library: str, function: str) -> LibraryError:
    """Return the error of a library that defines a function, and has to be in its process before all others."""
    problem = f"defines {function}: it must be in the process before all others"
    return LibraryError(library, problem, f"start the executor with LD_PRELOAD={library}", comes_late=True)


def _look_into(path: str) -> tuple[bool, bool]:
    """Return True for a library without versions of its own, and for one but the C library that defines malloc.

    What is wrong with a file is for the loader to say.
    """
    from uruk.formats.elf.dynamic import read_shared_library  # the smallest programs have no libraries

    try:
        with read_shared_library(path) as library:
            return not library.versions, library.defines(MALLOC) and os.path.basename(path) != LIBC
    except ObjectFormatError:
        return False, False
