"""Global variables as Python values: read and written by their types, in this process and in others."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np

from uruk.debug_info.copied import CopiedStructure
from uruk.debug_info.reader import number, reading
from uruk.debug_info.session_types import types_of
from uruk.debug_info.types import REACH
from uruk.errors import InvalidType, InvalidValue, UrukError
from uruk.executor.this_process import THIS_PROCESS
from uruk.isa.abi import convention_of

if TYPE_CHECKING:
    from uruk.debug_info.c_text import CType
    from uruk.debug_info.index import Defined
    from uruk.debug_info.interface import Front, Linked
    from uruk.debug_info.session_types import ObjectInfo
    from uruk.executor.layouts import Layout

_THROUGH = ("DW_TAG_typedef", "DW_TAG_volatile_type", "DW_TAG_atomic_type", "DW_TAG_array_type")


class Variable:
    """A variable of linked code: its symbol, its type, and whether it is constant."""

    def __init__(self, jit: Front, symbol: Linked, kind: CType, is_constant: bool) -> None:
        self._jit = jit
        self.symbol = symbol
        self.type = kind
        self.is_constant = is_constant

    @property
    def value(self) -> Any:
        """The value now: numbers, addresses for pointers, arrays of numpy's over the memory, structures as cffi or
        `Structure` has them."""
        jit, address = self._jit, self.symbol.address
        layout = None
        if self.type.after.startswith("["):
            layout = self._layout()
            kind, shape = _array_of(layout)
            return jit.array(address, shape, kind)
        if self.symbol.executor is None:
            try:
                layout = self._layout()
            except InvalidValue:  # cffi has it all the same
                return self._pointer()[0]
            if layout.is_composite:
                return self._pointer()[0]
            return layout.from_bytes(ctypes.string_at(address, layout.size))
        try:
            layout = self._layout()
        except InvalidValue:
            if not self._is_as_here():
                raise
            return self._copy_by_cffi()
        return layout.from_bytes(jit.read(address, layout.size))

    def _is_as_here(self) -> bool:
        """Return True where a process lays its types out as this one, for which cffi knows them."""
        return convention_of(self._jit.executor.process.triple) is convention_of(THIS_PROCESS.triple)

    def _copy_by_cffi(self) -> Any:
        """Return a copy of what uruk does not lay out: bit-fields, `long double`."""
        declared = types_of(self._jit.session).declared
        with declared.lock:
            ffi = declared.flush()
            place = ffi.new(self.type.pointer().declare())
        data = self._jit.read(self.symbol.address, ffi.sizeof(place[0]))
        ffi.buffer(place)[:] = data
        if ffi.typeof(place).item.kind not in ("struct", "union"):
            return place[0]
        return CopiedStructure(place, data)

    def set(self, value: Any) -> None:
        """Store a value. Raises InvalidType for a constant, and what the type does not take; OverflowError."""
        name = self.symbol.name
        if self.is_constant:
            raise InvalidType(f"`{name}' is constant: {self.type.show(name)}")
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
        memory = self.value
        if isinstance(value, (bytes, bytearray)) and memory.itemsize == 1 and memory.ndim == 1:
            if len(value) > len(memory):
                raise InvalidType(f"`{self.type.show(self.symbol.name)}' does not take {len(value)} bytes")
            value = np.frombuffer(bytes(value).ljust(len(memory), b"\0"), memory.dtype)
        content = memory if memory.flags.writeable else memory.copy()
        content[...] = value
        if content is not memory:  # of a process whose memory is not mapped here
            self._jit.write(self.symbol.address, content.tobytes())

    def _set_one(self, value: Any) -> None:
        try:
            data = self._layout().to_bytes(value)
        except (TypeError, InvalidValue) as problem:
            is_here = self.symbol.executor is None
            if not is_here and (isinstance(problem, TypeError) or not self._is_as_here()):
                raise
            data = self._bytes_by_cffi(value, problem)
        if self.symbol.executor is not None:
            self._jit.write(self.symbol.address, data)
            return
        ctypes.memmove(self.symbol.address, data, len(data))  # one store of a scalar, as other threads may read it

    def _bytes_by_cffi(self, value: Any, problem: Exception) -> bytes:
        """Return the bytes of what cffi alone takes: bit-fields, `long double`, pointers of cffi's."""
        if value is None:  # for cffi it is no value at all, which makes zeros
            raise problem
        declared = types_of(self._jit.session).declared
        with declared.lock:
            ffi = declared.flush()
            size = ffi.sizeof(self.type.declare())
        if isinstance(value, CopiedStructure) and len(bytes(value)) == size:
            return bytes(value)
        try:
            return bytes(ffi.buffer(ffi.new(self.type.pointer().declare(), value)))
        except (TypeError, ValueError, LookupError, SystemError) as error:
            raise error if isinstance(problem, InvalidValue) else problem from None

    def _kind(self) -> Any:
        declared = types_of(self._jit.session).declared
        with declared.lock:
            return declared.flush().typeof(self.type.declare())

    def _pointer(self) -> Any:
        declared = types_of(self._jit.session).declared
        with declared.lock:
            return declared.flush().cast(self.type.pointer().declare(), self.symbol.address)

    def _layout(self) -> Layout:
        from uruk.executor.layouts import layout_of  # reads types by cffi

        return layout_of(self._kind(), convention_of(self._jit.executor.process.triple))


def variable_at(jit: Front, symbol: Linked) -> Variable | None:
    """Return a symbol as a variable; None for a function, and for what debug information does not have.

    Raises InvalidType for a variable whose type C text cannot say, ObjectFormatError.
    """
    types = types_of(jit.session)
    with types.declared.lock:
        for info, name in types.definitions(symbol.name, symbol.address):
            defined = info.index.variables.get(name)
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
    return Variable(jit, symbol, kind, _is_constant(info, defined))


def _is_constant(info: ObjectInfo, defined: Defined) -> bool:
    die = next((die for die in defined.chain if "DW_AT_type" in die.attributes), None)
    for _ in range(32):
        die = info.index.references.refer(die, "DW_AT_type") if die is not None else None
        if die is None or die.tag not in (*_THROUGH, "DW_TAG_const_type"):
            return False
        if die.tag == "DW_TAG_const_type":
            return True
    return bool(number(defined.die, "DW_AT_const_value"))


def _array_of(layout: Layout) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return the item type and shape of an array. Raises InvalidType for items that numpy has no type for."""
    shape: list[int] = []
    while layout.item is not None:
        shape.append(layout.size // layout.item.size)
        layout = layout.item
    return _dtype_of(layout), tuple(shape)


def _dtype_of(layout: Layout) -> np.dtype[Any]:
    if layout.members:
        names = [name for name, _, _ in layout.members]
        formats = [_dtype_of(member) for _, _, member in layout.members]
        offsets = [offset for _, offset, _ in layout.members]
        return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": layout.size})
    if layout.item is not None:
        kind, shape = _array_of(layout)
        return np.dtype((kind, shape))
    if layout.is_float:
        return np.dtype(f"<f{layout.size}")
    if layout.kind.cname == "_Bool":
        return np.dtype(np.bool_)
    if layout.size > 8:
        raise InvalidType(f"numpy has no type for `{layout.kind.cname}'")
    return np.dtype(f"<{'i' if layout.is_signed else 'u'}{layout.size}")
