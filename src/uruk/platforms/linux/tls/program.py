"""Thread-locals of a program that libraries refer to, in a process that is the program's alone.

A library that wants one is loaded beside an object that has a thread-local of that name (`uruk.formats.elf.exports`).
When the program is linked, the words of the library's references, in whatever model, are those of the program's storage
(runtime/linux/bind_thread_locals.c). So are those of thread-locals that a library and the program both define, and
those of libraries that the program opens, before their constructors run.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from itertools import chain

from uruk.errors import AllocationError, TLSError
from uruk.executor import answers, sps
from uruk.executor.control import Runtime
from uruk.graph.types import true_rows
from uruk.orc.dylib import JITDylib
from uruk.orc.lookup.exports import shown
from uruk.orc.registry.symbols import Flag

ADDRESSES, THREAD_LOCALS, THREAD_OFFSETS = 3, 60, 16
"""Kinds of references, as runtime/linux/imports.h has them."""
_ROOM = 1 << 15
_MOST_NAMES = 1 << 28  # bytes
_WORD = (1 << 64) - 1


def imported_names(runtime: Runtime, kinds: int) -> set[bytes]:
    """Return the names that relocations of these kinds of loaded libraries refer to."""
    room = bytearray(_ROOM)
    needed = runtime.call(b"uruk_rt_imported_names", room, len(room), kinds)
    if needed > len(room):  # the runtime has written nothing, and says how much there is
        room = bytearray(answers.size(needed, "names that libraries import", _MOST_NAMES))
        needed = runtime.call(b"uruk_rt_imported_names", room, len(room), kinds)
    return set(bytes(room[:needed]).split(b"\0")[:-1])


class ProgramThreadLocals:
    """The thread-locals of one program's dylib."""

    def __init__(self, dylib: JITDylib, runtime: Runtime) -> None:
        self._dylib = dylib
        self._runtime = runtime
        self._bound: list[bytes] = []

    def bind(self, requested: Iterable[bytes]) -> int:
        """Bind libraries' references to what is linked; returns their number.

        Raises TLSError; see `ProgramExports.bind`.
        """
        if not self._dylib.session.storage_of:
            return 0
        names = imported_names(self._runtime, THREAD_LOCALS)
        wanted = self._linked(names, strong=True) | self._linked(requested, strong=False)
        if not wanted:
            return 0
        self._bound = list(wanted)
        fixed = imported_names(self._runtime, THREAD_OFFSETS)
        texts, rows = self._columns(wanted, fixed)
        return self._runtime.call(b"uruk_rt_bind_thread_locals", texts, rows, len(wanted))

    def all(self) -> list[bytes]:
        """Return the names of all that are linked and shown to others."""
        names = (name for name in self._dylib.names if b"@" not in name)
        return list(self._linked(names, strong=False)) if self._dylib.session.storage_of else []

    def keep(self, more: Iterable[bytes]) -> None:
        """Have libraries that come later bound to those that libraries have asked for, and to `more`.

        Raises AllocationError.
        """
        wanted = self._linked([*self._bound, *more], strong=False)
        if not wanted:
            return
        texts, rows = self._columns(wanted, ())
        if self._runtime.call(b"uruk_rt_keep_thread_locals", texts, len(texts), rows, len(wanted)):
            raise AllocationError("no memory for the program's thread-locals that libraries find")

    def _columns(self, wanted: dict[bytes, tuple[int, int]], fixed: Container[bytes]) -> tuple[bytes, bytes]:
        """Return names and rows as the runtime takes them."""
        rows = [self._words(name, *place, fixed=name in fixed) for name, place in wanted.items()]
        self._runtime.call(b"uruk_rt_find_vector_size")  # before the first descriptor is used
        return b"".join(name + b"\0" for name in wanted), sps.u64(*chain.from_iterable(rows))

    def _linked(self, names: Iterable[bytes], *, strong: bool) -> dict[bytes, tuple[int, int]]:
        """Return by name the number of the object that has it, and the offset in its module's storage."""
        known, number = shown(self._dylib.session, self._dylib, names, strong=strong)
        table = self._dylib.session.table
        rows = true_rows(table.flags[number] & Flag.TLS != 0).tolist()
        return {known[row]: (int(table.owner[number[row]]), int(table.address[number[row]])) for row in rows}

    def _words(self, name: bytes, owner: int, offset: int, *, fixed: bool) -> tuple[int, int, int, int]:
        """Return a row for the runtime: module id, offset there, offset from the thread pointer, is that known."""
        storage = self._dylib.session.storage_of[owner]
        if fixed:  # initial-exec code of a library has room for an offset from the thread pointer only
            text = name.decode("utf-8", "replace")
            try:
                storage.make_static(f"`{text}'")
            except TLSError as error:
                problem = f"a library's initial-exec code wants it: {error.problem}"
                raise TLSError(f"`{text}'", problem, error.hint, error.static_tls) from error
        start = storage.tp_offset
        return storage.module_id, offset & _WORD, 0 if start is None else start + offset & _WORD, start is not None
