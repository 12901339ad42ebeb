"""The types of a session's symbols, read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from uruk.compile.ir_symbols import Definition, has_debug_info
from uruk.debug_info.declared import Declared
from uruk.debug_info.index import Index
from uruk.debug_info.ir_types import signature_of_ir
from uruk.debug_info.ir_variables import IRTypes
from uruk.debug_info.reader import reading
from uruk.debug_info.signatures import Refused, Signature, Untold, read_signature
from uruk.debug_info.types import ObjectTypes
from uruk.formats.registry import debug_sections
from uruk.orc.registry.entries import Entry, LazyEntry, ObjectEntry, UnitEntry
from uruk.typed_calls import Linked, made

if TYPE_CHECKING:
    from uruk.debug_info.c_text import CType
    from uruk.orc.session import Session


class ObjectInfo:
    """The debug information of one object of a session."""

    def __init__(self, entry: ObjectEntry, declared: Declared) -> None:
        self.file = entry.file
        with reading(self.file):
            self.index = Index(self.file, debug_sections(entry.added.graph, entry.index))
        self.types = ObjectTypes(self.index.references, declared)

    def signature(self, name: str, *, extern_c: bool = False) -> Signature:
        """Return a function's type. Raises Refused, ObjectFormatError."""
        with reading(self.file):
            return read_signature(self.index, self.types, name, extern_c=extern_c)


def _signature(info: ObjectInfo, name: str, of_ir: tuple[str, Definition] | None, *, extern_c: bool) -> Signature:
    """Return a function's type: that of LLVM IR where debug information says none, or no parameters.

    LLVM lists those whose variables a compiler has described.
    """
    if of_ir is None:
        return info.signature(name, extern_c=extern_c)
    try:
        told = info.signature(name, extern_c=extern_c)
    except Untold:
        return signature_of_ir(*of_ir)
    if told.parameters:
        return told
    try:
        return signature_of_ir(*of_ir)
    except Refused:  # which has a parameter for a structure that is returned
        return told


def _may_be_in_debug_info(entry: ObjectEntry, name: str) -> bool:
    definition = entry.tracker.ir_functions.get(name)
    return definition is None or has_debug_info(definition)


class SessionTypes:
    """The types of one session: its objects' debug information, and what was declared for it."""

    def __init__(self, session: Session) -> None:
        self._entries = session.objects
        self._table = session.table
        self._text = session.ids.text
        self.declared = Declared()
        self._infos: dict[int, ObjectInfo] = {}
        self.statics: dict[tuple[str, int], int] = {}
        """Static functions and variables that were looked for, by symbol and address -> the object's number."""

    def signature(self, name: str, address: int, *, extern_c: bool = False) -> Signature:
        """Return the type of the function at an address. Raises Refused, ObjectFormatError."""
        of_ir: tuple[str, Definition] | None = None
        for entry, own in self._entries_at(name, address):
            if definition := entry.tracker.ir_functions.get(own):
                if not has_debug_info(definition):
                    return signature_of_ir(own, definition)
                of_ir = of_ir or (own, definition)
        with self.declared.lock:
            found = self.definitions(name, address)
            if not found:
                if of_ir is not None:
                    return signature_of_ir(*of_ir)
                raise Refused(name, "its object is made when it is first called, and tells no types before that")
            # An alias has no entry of its own: that of another name for the same code does.
            info, own = next((each for each in found if each[0].index.function(each[1])), found[0])
            return _signature(info, own, of_ir, extern_c=extern_c)

    def _info(self, entry: ObjectEntry) -> ObjectInfo:
        for number in [number for number in self._infos if number not in self._entries]:
            del self._infos[number]  # removed
        if entry.number not in self._infos:
            self._infos[entry.number] = ObjectInfo(entry, self.declared)
        return self._infos[entry.number]

    def variable_of_ir(self, name: str, address: int) -> tuple[CType, bool] | None:
        """Return the type of a variable of LLVM IR, and whether it is constant; None for what is none.

        Raises Refused where no object defines it, InvalidType for a type that C does not have.
        """
        for entry, own in self._entries_at(name, address):
            if variable := entry.tracker.ir_variables.get(own):
                text, constant, named = variable
                return IRTypes(named, self.declared).of(name, text), constant
        return None

    def definitions(self, name: str, address: int) -> list[tuple[ObjectInfo, str]]:
        """Return the debug information of what is at an address, each with a name there; that of `name` first.

        Functions of LLVM IR without debug information are left out, and so is what has no object yet. Raises Refused
        where no object will define it.
        """
        return [
            (self._info(entry), own)
            for entry, own in self._entries_at(name, address)
            if isinstance(entry, ObjectEntry) and _may_be_in_debug_info(entry, own)
        ]

    def _entries_at(self, name: str, address: int) -> list[tuple[Entry, str]]:
        """Return the entries that define what is at an address, each with a name there; that of `name` first."""
        table = self._table
        place = table.address.view(np.uint64)
        rows = np.flatnonzero((table.ready != 0) & (place == address) & (table.owner >= 0)).tolist()
        texts = {self._text(row).decode("utf-8", "surrogateescape"): row for row in rows}
        found: list[tuple[Entry, str]] = []
        for text in sorted(texts, key=lambda each: each != name):
            row = texts[text]
            entry: Entry | None = self._entries.get(int(table.owner[row]))
            while isinstance(entry, LazyEntry) and row in entry.targets:
                row = entry.targets[row]
                entry = self._entries.get(int(table.owner[row]))
            if isinstance(entry, (ObjectEntry, UnitEntry)):
                found.append((entry, self._text(row).decode("utf-8", "surrogateescape")))
        static = self._entries.get(self.statics.get((name, address), -1))
        if static is not None:
            found.append((static, name))
        if not found:
            raise Refused(name, "it is not defined by an object of this session")
        return found


_of: WeakKeyDictionary[Session, SessionTypes] = WeakKeyDictionary()


def types_of(session: Session) -> SessionTypes:
    """Return the types of a session."""
    types = _of.get(session)
    if types is None:
        types = _of.setdefault(session, SessionTypes(session))
    return types


def callable_of(session: Session | None, signature: Signature, symbol: Linked) -> Any:
    """Return a callable for a symbol. Raises InvalidType, InvalidValue for what cannot be passed."""
    assert session is not None, "a symbol of a session that is gone has no type"
    declared = types_of(session).declared
    with declared.lock:
        function = made(symbol, session, declared.function(signature.pointer))
    return _bit_of(function) if signature.returns_bit else function


def _bit_of(function: Callable[..., int]) -> Callable[..., bool]:
    """Return a callable for a function whose result is the lowest bit of a byte."""

    def call(*arguments: Any) -> bool:
        return bool(function(*arguments) & 1)

    return call
