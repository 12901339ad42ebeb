"""Carriers: ELF64 shared objects without code that make the loader own thread-locals.

    build_carrier(image, memory_size, alignment, static=True) -> CarrierFile
    file.decode(slot bytes) -> CarrierValues

The loader that opens a carrier takes its PT_TLS as one more module, and gives every running and every new thread a copy
of the image. What code needs to reach it (module id, thread-pointer offset, descriptors, offsets of other libraries'
thread-locals) the loader writes into slots of the carrier, which has relocations that ask for that.

The file is one writable segment, never executable:

    ELF header | program headers | slots | dynamic | symbols | strings | relocations | (padding) | image

There is a hash table only where a name is exported: no others are looked up in a carrier. Facts: gABI
chapters 4 and 5 (headers, PT_LOAD congruence, dynamic section, hash table), psABI x86-64 section 4.4 and
AAELF64 5.7.16 (dynamic relocations), ELF-TLS by Drepper (PT_TLS, variants I and II).

This module only makes bytes; opening them is `uruk.platforms.linux.loader_here`, or the runtime of a remote
executor.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import Enum

from uruk.errors import TLSError
from uruk.formats.elf import loadable as elf
from uruk.formats.elf.loadable import MACHINES, LoaderMachine
from uruk.records import record

MAX_ALIGNMENT = 1 << 16
"""The largest alignment of thread-local storage in bytes that a carrier takes."""

MAX_SIZE = 1 << 30
"""The largest thread-local storage of one module in bytes: glibc ends the process if it cannot allocate it."""

STATIC_ALIGNMENT = 64
"""The alignment of every thread pointer in bytes, and so the largest of static storage (glibc, x86-64)."""

DYNAMIC_ALIGNMENT = 128
"""An alignment above the loader's own 64 keeps it from using the static surplus for descriptors."""

_PAGE = 4096
_GLOBAL_TLS = (1 << 4) | 6  # STB_GLOBAL, STT_TLS
_ANY_SECTION = 1  # there are no sections; any number but 0 says that the symbol is defined


class ImportModel(Enum):
    """The way in which linked code reaches a thread-local of another module."""

    INITIAL_EXEC = "initial-exec"
    """One word: the variable's offset from the thread pointer (asks for static TLS of that module)."""
    DYNAMIC = "dynamic"
    """Two words: module id and offset in the module, the argument of ``__tls_get_addr``."""
    DESCRIPTOR = "descriptor"
    """Two words: a TLS descriptor (function, argument)."""


def _import_relocations(machine: LoaderMachine, model: ImportModel) -> tuple[int, ...]:
    if model is ImportModel.DYNAMIC:
        return machine.dtpmod, machine.dtpoff
    return (machine.tpoff if model is ImportModel.INITIAL_EXEC else machine.tlsdesc,)


_SLOT_SIZE = {ImportModel.INITIAL_EXEC: 8, ImportModel.DYNAMIC: 16, ImportModel.DESCRIPTOR: 16}


@record
class TLSImport:
    """A thread-local variable of another module: its symbol name (without version) and the access model."""

    name: str
    model: ImportModel = ImportModel.INITIAL_EXEC


@record
class CarrierFile:
    """The bytes of a carrier, and where the loader writes into it. Offsets count from the object's load bias.

    `slots` is the offset of the first slot and `slots_size` their total size in bytes (they are contiguous,
    8-byte words, little-endian). `module_slot` and `tp_slot` are None where the carrier does not ask for
    them; a descriptor takes 16 bytes; an import takes 8 (initial-exec) or 16 bytes. The address of byte N of
    the image in a thread is its thread pointer + the word at `tp_slot` + N. `block_size` is the number of bytes
    that the loader allocates, padding included.
    """

    data: bytes
    slots: int
    slots_size: int
    module_slot: int | None
    tp_slot: int | None
    descriptor_slots: tuple[int, ...]
    import_slots: tuple[int, ...]
    imports: tuple[TLSImport, ...]
    needed: tuple[str, ...]
    block_size: int
    alignment: int

    def decode(self, raw: bytes) -> CarrierValues:
        """Read the values that the loader wrote, from the `slots_size` bytes at `slots` of the loaded carrier."""
        if len(raw) != self.slots_size:
            raise TLSError("carrier", f"{len(raw)} bytes of slots, where {self.slots_size} were expected")

        def word(slot: int, kind: str = "<Q") -> int:
            return struct.unpack_from(kind, raw, slot - self.slots)[0]

        return CarrierValues(
            # Module ids count from 1. Offsets from the thread pointer are signed: below it in variant II.
            module_id=0 if self.module_slot is None else word(self.module_slot),
            tp_offset=None if self.tp_slot is None else word(self.tp_slot, "<q"),
            descriptors=[(word(slot), word(slot + 8)) for slot in self.descriptor_slots],
            imports=[
                (word(slot, "<q"),) if variable.model is ImportModel.INITIAL_EXEC else (word(slot), word(slot + 8))
                for variable, slot in zip(self.imports, self.import_slots, strict=True)
            ],
        )


@record
class CarrierValues:
    """The words that the loader wrote into a carrier's slots.

    `module_id` is the module's id for ``__tls_get_addr`` (0 without own storage); `tp_offset` the
    offset of the image's first byte from the thread pointer, None if not static; `descriptors` (function,
    argument) pairs. An entry of `imports` is (offset from the thread pointer,) for initial-exec, (module id,
    offset in it) for dynamic, (function, argument) for a descriptor. Pairs may be copied anywhere, and are
    good while the carrier is loaded.
    """

    module_id: int
    tp_offset: int | None
    descriptors: list[tuple[int, int]]
    imports: list[tuple[int, ...]]


@record
class _Relocation:
    kind: int
    slot: int
    symbol: int = 0
    addend: int = 0


class _Slots:
    """Slots of whole words behind the headers, and the relocations by which the loader fills them.

    Offsets are those in the file.
    """

    def __init__(self, start: int) -> None:
        self.start = start
        self.end = start
        self.relocations: list[_Relocation] = []
        self.module: int | None = None
        self.tp: int | None = None
        self.descriptors: tuple[int, ...] = ()
        self.imports: tuple[int, ...] = ()

    def add(self, kinds: Sequence[int], size: int, symbol: int = 0, addend: int = 0) -> int:
        slot = self.end
        self.end += size
        for index, kind in enumerate(kinds):
            self.relocations.append(_Relocation(kind, slot + 8 * index, symbol, addend))
        return slot


def build_carrier(
    image: bytes,
    memory_size: int,
    alignment: int,
    *,
    static: bool,
    machine: LoaderMachine = MACHINES["x86_64"],
    padding: int = 0,
    descriptors: Sequence[int] = (),
    imports: Sequence[TLSImport] = (),
    needed: Sequence[str] = (),
    soname: str = "",
    export: str = "",
    module: str = "thread-local storage",
) -> CarrierFile:
    """Return a carrier for `memory_size` bytes of TLS, aligned to `alignment` bytes: `image`, and zeros behind it.

    `static` asks for a fixed offset from the thread pointer (local-exec, initial-exec). Without it the loader uses
    static TLS for this module only if another carrier imports its `export` that way, and never with `descriptors`.
    Below the thread pointer glibc places a static block right behind the last one, so that its alignment comes from
    `padding`, bytes at the block's end. The caller compares the offset that it got with `alignment`, and tries again
    with other padding.
    `descriptors` are byte offsets into the image that need a TLS descriptor. `imports` are thread-locals of
    other modules, searched in the program, then in the libraries `needed` (sonames or paths). `export` names
    the block's first byte, for imports by other carriers. With `memory_size` 0 the carrier has no TLS of its
    own, only imports. Errors call the module `module`. Raises TLSError for sizes, alignments, offsets or
    names that no carrier can hold.
    """
    storage = static or bool(descriptors) or bool(export)
    _check(module, image, memory_size, alignment, storage, imports, [*needed, soname, export])
    _check_static(module, static, alignment, padding)
    _check_descriptors(module, descriptors, memory_size)
    block_size = memory_size + padding
    block_alignment = _block_alignment(alignment, static, bool(descriptors), machine)
    slots = _assign_slots(machine, static, memory_size, descriptors, imports)
    names = _Names(imports, needed, soname, export)
    # Zeros at the image's end need not be in the file: PT_TLS has a larger memory size, and the loader fills up.
    file, bias = _assemble(machine, image.rstrip(b"\0"), block_size, block_alignment, slots, names)
    return CarrierFile(
        data=file,
        slots=bias + slots.start,
        slots_size=slots.end - slots.start,
        module_slot=None if slots.module is None else bias + slots.module,
        tp_slot=None if slots.tp is None else bias + slots.tp,
        descriptor_slots=tuple(bias + slot for slot in slots.descriptors),
        import_slots=tuple(bias + slot for slot in slots.imports),
        imports=tuple(imports),
        needed=tuple(needed),
        block_size=block_size,
        alignment=alignment,
    )


def _block_alignment(alignment: int, static: bool, descriptors: bool, machine: LoaderMachine) -> int:
    """Return the alignment for which the loader is asked."""
    if static:
        # In variant II glibc rounds the block's offset up to its alignment, and leaves the gap unused for good: an
        # alignment of 1 and padding by the caller place it without one.
        return alignment if machine.grows_up else 1
    # A descriptor of its own is the one thing that makes the loader use static TLS unasked.
    return max(alignment, DYNAMIC_ALIGNMENT) if descriptors else alignment


def _assign_slots(
    machine: LoaderMachine, static: bool, memory_size: int, descriptors: Sequence[int], imports: Sequence[TLSImport]
) -> _Slots:
    # PT_LOAD, PT_DYNAMIC, PT_GNU_STACK, and PT_TLS where there is storage.
    count = 4 if memory_size else 3
    # Slots come first, so that their offsets are known before the sizes of the tables behind them.
    slots = _Slots(elf.EHDR.size + count * elf.PHDR.size)
    if memory_size:
        slots.module = slots.add((machine.dtpmod,), 8)
    if static:
        slots.tp = slots.add((machine.tpoff,), 8)
    slots.descriptors = tuple(slots.add((machine.tlsdesc,), 16, addend=offset) for offset in descriptors)
    # Symbol 0 is the null symbol; imports are the symbols from 1 on.
    slots.imports = tuple(
        slots.add(_import_relocations(machine, variable.model), _SLOT_SIZE[variable.model], index + 1)
        for index, variable in enumerate(imports)
    )
    return slots


def _check(
    module: str,
    image: bytes,
    memory_size: int,
    alignment: int,
    storage: bool,
    imports: Sequence[TLSImport],
    names: Sequence[str],
) -> None:
    if not 0 <= memory_size <= MAX_SIZE:
        raise TLSError(module, f"{memory_size} bytes of thread-local storage; at most {MAX_SIZE} are possible")
    if len(image) > memory_size:
        raise TLSError(module, f"an initial image of {len(image)} bytes for {memory_size} bytes of storage")
    if alignment < 1 or alignment & (alignment - 1) or alignment > MAX_ALIGNMENT:
        raise TLSError(module, f"alignment {alignment}; a power of two up to {MAX_ALIGNMENT} is possible")
    if storage and not memory_size:
        raise TLSError(module, "offsets or descriptors asked for, but the module has no thread-local storage")
    if not memory_size and not imports:
        raise TLSError(module, "neither thread-local storage nor imports: nothing to carry")
    for variable in imports:
        if not variable.name:
            raise TLSError(module, "an imported thread-local variable without a name")
    for name in [*(variable.name for variable in imports), *names]:
        try:
            encoded = _encode(name)
        except UnicodeEncodeError:
            raise TLSError(module, f"the name {name!r} is not text that can be written") from None
        if 0 in encoded:
            raise TLSError(module, f"the name {name!r} has a zero byte")


def _check_static(module: str, static: bool, alignment: int, padding: int) -> None:
    if not static:
        if padding:
            raise TLSError(module, "padding is for static thread-local storage only")
        return
    if not 0 <= padding < STATIC_ALIGNMENT:
        raise TLSError(module, f"{padding} bytes of padding; less than {STATIC_ALIGNMENT} are meant")
    if alignment > STATIC_ALIGNMENT:
        raise TLSError(
            module,
            f"alignment {alignment} of static thread-local storage; at most {STATIC_ALIGNMENT} is possible",
            "compile with -fPIC, so that the code reaches its thread-locals through __tls_get_addr",
        )


def _check_descriptors(module: str, descriptors: Sequence[int], memory_size: int) -> None:
    for offset in descriptors:
        # One past the end is a legal address; further out nothing of this module can be meant.
        if not 0 <= offset <= memory_size:
            raise TLSError(module, f"a descriptor for offset {offset} of {memory_size} bytes of storage")


@record
class _Names:
    imports: Sequence[TLSImport]
    needed: Sequence[str]
    soname: str
    export: str

    @property
    def symbols(self) -> list[str]:
        return [*(variable.name for variable in self.imports), *([self.export] if self.export else [])]

    @property
    def strings(self) -> list[str]:
        return [*self.needed, *([self.soname] if self.soname else []), *self.symbols]

    def symbol_table(self, offsets: dict[str, int]) -> bytes:
        """Return the null symbol, the imports and the export, whose value is 0; behind an export also a hash table."""
        rows = [bytes(elf.SYM.size)]
        rows += [elf.SYM.pack(offsets[variable.name], _GLOBAL_TLS, 0, 0, 0, 0) for variable in self.imports]
        if self.export:
            rows.append(elf.SYM.pack(offsets[self.export], _GLOBAL_TLS, 0, _ANY_SECTION, 0, 0))
            # DT_HASH: one bucket, the count of chain words, the bucket's first symbol, and a chain word for each symbol
            # (gABI, "Hash Table"). The export is the bucket's only one: imports are undefined, and in no chain.
            rows.append(struct.pack(f"<3I{len(rows)}I", 1, len(rows), len(rows) - 1, *bytes(len(rows))))
            rows.append(bytes(-len(rows[-1]) % 8))
        return b"".join(rows)


@record
class _Layout:
    """The offsets of a carrier's parts in its file, in order; an address is `bias` more."""

    dynamic: int
    symbols: int
    strings: int
    relocations: int
    end: int
    image: int
    bias: int


def _lay_out(image: bytes, alignment: int, slots: _Slots, names: _Names, symbols: bytes, strings: bytes) -> _Layout:
    # Nine entries are in every carrier: four of the tables, three of relocations, DT_FLAGS and DT_NULL.
    entries = len(names.needed) + bool(names.soname) + bool(names.export) + 9
    dynamic_at = slots.end
    symbols_at = dynamic_at + entries * elf.DYN.size
    strings_at = symbols_at + len(symbols)
    relocations_at = _align(strings_at + len(strings), 8)
    end = relocations_at + len(slots.relocations) * elf.RELA.size
    # The image's address is a multiple of the alignment: glibc begins a block at p_vaddr modulo p_align behind an
    # aligned address, which must be 0 for the block's first byte to be the image's.
    image_at = _align(end, min(alignment, _PAGE)) if image else end
    # Above a page's size the file's offset cannot be aligned without as much padding: all addresses move instead. The
    # bias is then a multiple of a page, as offset and address of PT_LOAD must agree modulo the page size (gABI).
    bias = -image_at % alignment if image and alignment > _PAGE else 0
    return _Layout(dynamic_at, symbols_at, strings_at, relocations_at, end, image_at, bias)


def _dynamic_section(
    names: _Names, offsets: dict[str, int], layout: _Layout, strings_size: int, static: bool
) -> list[tuple[int, int]]:
    bias = layout.bias
    dynamic = [(elf.DT_NEEDED, offsets[name]) for name in names.needed]
    if names.soname:
        dynamic.append((elf.DT_SONAME, offsets[names.soname]))
    if names.export:
        # The hash table follows the null symbol, the imports and the export.
        dynamic.append((elf.DT_HASH, bias + layout.symbols + (len(names.imports) + 2) * elf.SYM.size))
    dynamic += [(elf.DT_STRTAB, bias + layout.strings), (elf.DT_SYMTAB, bias + layout.symbols)]
    dynamic += [(elf.DT_STRSZ, strings_size), (elf.DT_SYMENT, elf.SYM.size), (elf.DT_RELA, bias + layout.relocations)]
    dynamic += [(elf.DT_RELASZ, layout.end - layout.relocations), (elf.DT_RELAENT, elf.RELA.size)]
    # DF_STATIC_TLS says that the object uses the static model: glibc then refuses it where there is no room left.
    return [
        *dynamic,
        (elf.DT_FLAGS, elf.DF_BIND_NOW | (elf.DF_STATIC_TLS if static else 0)),
        (elf.DT_NULL, 0),
    ]


def _segments(layout: _Layout, image: bytes, memory_size: int, alignment: int) -> list[bytes]:
    """Return the program headers; one for thread-local storage if there is any."""
    bias, size = layout.bias, layout.image + len(image)
    place, length = bias + layout.dynamic, layout.symbols - layout.dynamic
    segments = [
        elf.PHDR.pack(elf.PT_LOAD, elf.PF_R | elf.PF_W, 0, bias, bias, size, size, _PAGE),
        elf.PHDR.pack(elf.PT_DYNAMIC, elf.PF_R | elf.PF_W, layout.dynamic, place, place, length, length, 8),
        elf.STACK_SEGMENT,
    ]
    if memory_size:
        # Storage of zeros alone has no image, and its address is that of nothing in the file.
        file_place, address = (layout.image, bias + layout.image) if image else (0, 0)
        segments.append(
            elf.PHDR.pack(elf.PT_TLS, elf.PF_R, file_place, address, address, len(image), memory_size, alignment)
        )
    return segments


def _assemble(
    machine: LoaderMachine, image: bytes, memory_size: int, alignment: int, slots: _Slots, names: _Names
) -> tuple[bytes, int]:
    """Return the file, and the number by which its addresses exceed its offsets."""
    strings, offsets = _string_table(names.strings)
    symbols = names.symbol_table(offsets)
    layout = _lay_out(image, alignment, slots, names, symbols, strings)
    static = any(row.kind == machine.tpoff for row in slots.relocations)
    dynamic = _dynamic_section(names, offsets, layout, len(strings), static)
    segments = _segments(layout, image, memory_size, alignment)
    # In the order of the module's docstring.
    parts = [elf.file_header(machine, len(segments)), *segments, bytes(slots.end - slots.start)]
    parts += [elf.DYN.pack(*entry) for entry in dynamic]
    parts += [symbols, strings, bytes(layout.relocations - layout.strings - len(strings))]
    parts += [elf.RELA.pack(layout.bias + row.slot, row.kind, row.symbol, row.addend) for row in slots.relocations]
    parts += [bytes(layout.image - layout.end), image]
    return b"".join(parts), layout.bias


def _string_table(names: Sequence[str]) -> tuple[bytes, dict[str, int]]:
    table = bytearray(1)
    offsets: dict[str, int] = {}
    for name in names:
        if name not in offsets:
            offsets[name] = len(table)
            table += _encode(name) + b"\0"
    return bytes(table), offsets


def _encode(name: str) -> bytes:
    # Names come from files: bytes that are not UTF-8 are kept as surrogates.
    return name.encode("utf-8", "surrogateescape")


def _align(value: int, alignment: int) -> int:
    # -alignment has all bits from the alignment's on set: `&` rounds down, the sum before made it up.
    return (value + alignment - 1) & -alignment
