"""Global variables as Python values: read and written by their types, in this process and in others."""

from __future__ import annotations

import ctypes
import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from uruk.debug_info.array_items import check_items
from uruk.debug_info.reader import reading
from uruk.debug_info.session_types import types_of
from uruk.debug_info.types import REACH
from uruk.errors import InvalidType, InvalidValue, UrukError
from uruk.executor.layouts import layout_of
from uruk.executor.live import Place
from uruk.executor.presence import Presence, Presences
from uruk.executor.this_process import THIS_PROCESS
from uruk.isa.abi import convention_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elftools.dwarf.die import DIE

    from uruk.debug_info.c_text import CType
    from uruk.debug_info.index import Defined
    from uruk.debug_info.interface import Front, Linked
    from uruk.debug_info.session_types import ObjectInfo
    from uruk.executor.layouts import Layout
    from uruk.executor.live import Reached
    from uruk.orc.session import Session

_CONST = "DW_TAG_const_type"
_THROUGH = (_CONST, "DW_TAG_typedef", "DW_TAG_volatile_type", "DW_TAG_atomic_type", "DW_TAG_array_type")
_MOST_TYPES = 32
"""Types that are followed from one to the next: a broken object's may go on without end."""
_STATIC_NAME = re.compile(r"^_ZL\d+(?=[A-Za-z_]\w*$)")
"""Stands in front of the name of a static variable of C++, which debug information names as the source does."""
_STATIC = (
    "it is static, and a compiler that optimises may have taken it for a constant (gcc notes that it did not, with -O0)"
)
_REFERENCE = "it is a reference, which C++ binds once; its value is the address of what it is bound to"


class Variable:
    """A variable of linked code: its symbol, its type, and whether it is constant."""

    def __init__(self, jit: Front, symbol: Linked, kind: CType, is_constant: bool, unsettable: str = "") -> None:
        """`unsettable` is the reason why what is stored may not be seen; empty without one."""
        self.presence: Presence | None = None
        """Tells views when the variable was removed."""
        self._unsettable = unsettable
        self._jit = jit
        self.symbol = symbol
        self.type = kind
        self.is_constant = is_constant

    @property
    def value(self) -> Any:
        """The value now: numbers, addresses for pointers, arrays of numpy's over the memory, and structures whose
        members are read and set where they lie (`LiveStructure`)."""
        layout = self._layout
        if self.symbol.executor is None and layout.item is None and not layout.is_composite:
            return layout.from_bytes(ctypes.string_at(self.symbol.address, layout.size))
        return self._place.value(layout)

    @property
    def _place(self) -> Place:
        constant = f"it is constant: {self.type.show(self.symbol.name)}" if self.is_constant else self._unsettable
        return Place(cast("Reached", self._jit), self.symbol.executor, self.symbol.address, constant, self.presence)

    @cached_property
    def _layout(self) -> Layout:
        declared = types_of(self._jit.session).declared
        with declared.lock:
            kind = declared.kind(self.type.declare())
        convention = convention_of(self._jit.executor.process.triple)
        try:
            return layout_of(kind, convention)
        except InvalidValue:
            is_same = convention is convention_of(THIS_PROCESS.triple)
        try:
            return layout_of(kind, convention, in_memory=is_same)
        except InvalidValue as error:
            problem = str(error).removesuffix("; pass a pointer")
            raise InvalidType(
                f"`{self.symbol.name}' is not read as a variable: {problem}; read its memory by jit.read"
            ) from None

    def set(self, value: Any) -> None:
        """Store a value. Raises InvalidType for a constant, and what the type does not take; OverflowError."""
        name = self.symbol.name
        if self.is_constant:
            raise InvalidType(f"`{name}' is constant: {self.type.show(name)}")
        if self._unsettable:
            raise InvalidType(f"`{name}' is not set: {self._unsettable}; store bytes by jit.write")
        try:
            if self.type.after.startswith("["):
                self._set_array(value)
            else:
                self._set_one(value)
        except (UrukError, OverflowError):
            raise
        except (TypeError, ValueError, LookupError, SystemError) as error:
            raise InvalidType(f"`{self.type.show(name)}' does not take this value: {error}") from None

    def _set_array(self, value: Any) -> None:
        item = self._layout
        while item.item is not None:
            item = item.item
        if item.is_composite and not isinstance(value, np.ndarray):
            self._jit.write(self.symbol.address, self._layout.to_bytes(value))
            return
        memory = self.value
        if isinstance(value, (bytes, bytearray)) and memory.itemsize == 1 and memory.ndim == 1:
            if len(value) > len(memory):
                raise InvalidType(f"`{self.type.show(self.symbol.name)}' does not take {len(value)} bytes")
            value = np.frombuffer(bytes(value).ljust(len(memory), b"\0"), memory.dtype)
        check_items(value, memory.dtype)
        content = memory if memory.flags.writeable else np.array(memory)
        content[...] = value
        if content is not memory:  # of a process whose memory is not mapped here
            self._jit.write(self.symbol.address, content.tobytes())

    def _set_one(self, value: Any) -> None:
        is_here = self.symbol.executor is None
        try:
            data = self._layout.to_bytes(value)
        except (TypeError, InvalidValue) as problem:
            if not is_here:
                raise
            data = self._bytes_by_cffi(value, problem)
        if not is_here:
            self._jit.write(self.symbol.address, data)
            return
        ctypes.memmove(self.symbol.address, data, len(data))  # one store of a scalar, as other threads may read it

    def _bytes_by_cffi(self, value: Any, problem: Exception) -> bytes:
        """Return the bytes of what cffi alone takes: pointers of cffi's, and structures of those that it makes."""
        if value is None:  # for cffi it is no value at all, which makes zeros
            raise problem
        declared = types_of(self._jit.session).declared
        with declared.lock:
            ffi = declared.flush()
        try:
            return bytes(ffi.buffer(ffi.new(self.type.pointer().declare(), value)))
        except (TypeError, ValueError, LookupError, SystemError) as error:
            raise error if isinstance(problem, InvalidValue) else problem from None


def variable_at(jit: Front, symbol: Linked) -> Variable | None:
    """Return a symbol as a variable; None for a function, and for what neither debug information nor LLVM IR has.

    Raises InvalidType for a variable whose type C text cannot say, ObjectFormatError.
    """
    presence = _presence(jit.session, symbol)  # before it is looked for: what is found and then removed is told
    variable = _variable_at(jit, symbol)
    if variable is not None:
        variable.presence = presence
    return variable


def _presence(session: Session, symbol: Linked) -> Presence:
    with session.lock:  # under which code is removed
        if session.presences is None:
            session.presences = Presences()
        return session.presences.add(symbol.name, symbol.address)


def _variable_at(jit: Front, symbol: Linked) -> Variable | None:
    types = types_of(jit.session)
    with types.declared.lock:
        of_ir = types.variable_of_ir(symbol.name, symbol.address)
        if of_ir is not None:
            return Variable(jit, symbol, *of_ir)
        for info, name in types.definitions(symbol.name, symbol.address):
            defined = info.index.variables.get(_STATIC_NAME.sub("", name))
            if defined is not None:
                with reading(info.file):
                    return _read(jit, symbol, info, defined)
    return None


def _read(jit: Front, symbol: Linked, info: ObjectInfo, defined: Defined) -> Variable:
    # The entry itself goes first: a declaration may lack an array's size.
    holder = next((die for die in defined.chain if "DW_AT_type" in die.attributes), defined.die)
    info.types.declared.room = REACH
    kind = info.types.target(holder, by_value=True)
    info.types.finish()
    if kind.unknown or kind.bare or not kind.size:
        reason = kind.refusal or "its type is not known"
        raise InvalidType(f"`{symbol.name}' is not read as a variable: {reason}; read its memory by jit.read")
    tags = [die.tag for die in _types_of(info, holder)]
    unsettable = "" if defined.external or defined.unit.plain else _STATIC
    if tags and tags[-1] in ("DW_TAG_reference_type", "DW_TAG_rvalue_reference_type"):
        unsettable = _REFERENCE
    return Variable(jit, symbol, kind, _CONST in tags, unsettable)


def _types_of(info: ObjectInfo, holder: DIE) -> Iterator[DIE]:
    """Yield a variable's type and those that it leads through: behind names and qualifiers, and of arrays' items."""
    die: DIE | None = holder
    for _ in range(_MOST_TYPES):
        die = info.index.references.refer(die, "DW_AT_type")
        if die is None:
            return
        yield die
        if die.tag not in _THROUGH:
            return
