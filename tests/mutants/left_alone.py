"""What is not broken: numbers that only decide about speed or about bounds, and changes that cannot be noticed."""

from __future__ import annotations

TUNING = {
    ("passes/islands.py", "ROOM"): "how much is left free for islands",
    ("passes/islands.py", "ISLAND_ALIGN"): "any alignment of a page or more will do",
    ("passes/islands.py", "MOST_REGIONS"): "a bound on the work for one batch",
    ("passes/layout.py", "CODE_SKIP"): "how functions are spread over cache lines",
    ("passes/copy.py", "FEW"): "the number of blocks from which columns are faster than a loop",
    ("passes/elf/small_frames.py", "SMALL"): "the number of bytes from which columns are faster than a loop",
    ("passes/elf/frame_rules.py", "_CACHED_SIZE"): "which CIEs are remembered by their text",
    ("passes/undefined.py", "SHOWN_PLACES"): "how much an error shows",
    ("passes/undefined.py", "MOST_HINTS"): "how much an error looks for",
    ("passes/placement.py", "ROOM"): "how much is left free beside data",
    ("passes/placement.py", "SLACK"): "how much is left free for rounding",
    ("formats/byte_source.py", "_FIRST"): "how much of a file is read at once",
    ("formats/elf/dynamic_hash.py", "_STEP"): "how much of a chain is read at once",
    ("formats/elf/dynamic_hash.py", "_FIRST_STEP"): "how much of the last chain is read at once",
    ("formats/gather.py", "NAME_SHARING"): "a bound on the work that a hostile file can cause",
    ("formats/elf/small_reader.py", "FEW_SECTIONS"): "the size from which columns are faster than rows",
    ("formats/elf/small_reader.py", "FEW_SYMBOLS"): "the size from which columns are faster than rows",
    ("formats/elf/small_reader.py", "FEW_RELOCATIONS"): "the size from which columns are faster than rows",
    ("formats/elf/slab.py", "ROOM_FOR_NAMES"): "how much is reserved for names",
    ("formats/elf/slab.py", "MOST_SYMBOLS"): "how much is reserved for symbols",
    ("formats/elf/slab.py", "_CODE_PER_SYMBOLS"): "how much is reserved for symbols",
    ("formats/elf/dynamic.py", "_LONGEST_STRING"): "a bound on the work that a hostile file can cause",
    ("formats/archive.py", "_LONGEST_NAME"): "a bound on the work that a hostile file can cause",
    ("formats/archive.py", "_HEAD"): "how much of a member is read to find out what it is",
    ("formats/archive.py", "_DEEPEST"): "a bound on the work that a hostile file can cause",
    ("graph/graph.py", "NAME_LIMIT"): "how much of a long name an error shows",
}  # fmt: skip
"""Numbers by file and name -> what they decide."""

KEYWORDS = {
    "strict": "zip's assertion that two lists are equally long",
    "copy": "numpy's permission to hand out the same array",
}
"""Arguments by keyword -> what they decide."""

EQUIVALENT = {
    "passes/got_plt.py _edges_to_stubs: len(state.modules) > 1 -> len(state.modules) >= 1":
        "branches of one module without regions do not leave their reach: `leaves_reach` finds none of them",
    "formats/elf/slab.py build_slab: 1 -> 2":
        "the least size of the table, which is rounded up to a page",
    "formats/elf/slab.py build_slab: 1 -> 2 #1":
        "the least size of the symbols, which is rounded up to a page",
    "passes/resolve.py _bind_private: 0 -> 1":
        "a name that one row has stands for that row already",
    "passes/layout.py _stored: state.blocks.content[rows] < 0 -> state.blocks.content[rows] <= 0":
        "the arena begins with the header of a file: no content lies at 0",
    "passes/elf/eh_frame.py function_needs: "
    "(record >= 0) & (records.cie[record] >= 0) -> (record >= 0) | (records.cie[record] >= 0)":
        "an FDE names its function at 8 bytes; a CIE has its version there, and no address",
    "passes/elf/frame_rules.py _augmentation: 0 -> 1 #2":
        "the size of a personality routine's address, of a CIE that names none",
    "formats/elf/dynamic.py SharedLibrary.symbols: 0 -> 1":
        "row 0 is the null symbol (gABI, \"Symbol Table\"): one row is no symbol, as none is",
    "formats/coff/symbol_table.py make_symbols: 0 -> 1":
        "both columns of pairs have the same size",
    "formats/coff/symbols.py read_records: section > 0 -> section >= 0":
        "no object has fewer than 0 sections: a record of section 0 passes the check",
    "formats/coff/symbols.py _gather: not big -> big":
        "an empty piece more, or one less, is merged to the same columns",
    "formats/coff/symbols.py _find_auxiliary: 0 -> 1 #1":
        "the number is only looked at where the class is STATIC or WEAK_EXTERNAL, which the next line takes away",
    "formats/coff/symbols.py _find_auxiliary: 0 -> 1 #2":
        "neither class 0 nor class 1 (AUTOMATIC) is one that a symbol is made of",
    "formats/coff/symbols.py _locate_names: 0 -> 1 #3":
        "the further rows, of short names, get their places in the lines below",
    "formats/coff/headers.py read_header: 0 -> 1 #1":
        "the place of a string table of no bytes",
    "formats/coff/headers.py read_header: 0 -> 1 #2":
        "a name's place is 4 or more: it lies outside a table of 1 byte as of none",
    "formats/coff/headers.py _find_strings: size > _EMPTY -> size >= _EMPTY":
        "the last byte of a table of 4 is the highest one of its size, which is 4 at most then",
    "formats/coff/names.py ShortNames.add_text: 1 -> 2":
        "a NUL more than is needed",
    "formats/coff/names.py ShortNames.add_text: -(len(text) + 1) // _ROOM -> -(len(text) + 1) * _ROOM":
        "more NULs than are needed",
    "formats/coff/reader.py _relocation_tables: blocks.content[block] < 0 -> blocks.content[block] <= 0":
        "content lies behind its object's header, never at 0",
    "formats/coff/reader.py _relocation_tables: 0 -> 1 #1":
        "content lies behind its object's header, never at 0",
    "formats/coff/reader.py _read_directives: start >= 0 -> start > 0":
        "content lies behind its object's header, never at 0",
    "formats/coff/reader.py _read_directives: 0 -> 1 #1":
        "content lies behind its object's header, never at 0",
    "formats/coff/comdat.py _follow_suffixes: 0 -> 1 #2":
        "`.pdata$` and `.xdata$` are equally long",
    "formats/gather.py strings_at: room < 0 -> room <= 0":
        "a bound on the work that a hostile file can cause, a byte more or less",
    "formats/gather.py strings_at: 0 -> 1":
        "a bound on the work that a hostile file can cause, a byte more or less",
    "formats/coff/relocations.py _columns: 2 -> 3":
        "a further row for numbers that mean nothing",
    "formats/coff/relocations.py read_relocations: 0 -> 1":
        "the target of a row that is refused",
    "formats/coff/relocations.py read_relocations: "
    "graph.symbols.text[target[present]] < 0 -> graph.symbols.text[target[present]] <= 0":
        "names lie behind their object's header, never at 0",
    "formats/coff/relocations.py read_relocations: 0 -> 1 #1":
        "names lie behind their object's header, never at 0",
    "formats/coff/relocations.py _addends: width > 0 -> width >= 0":
        "a kind without a field has 0 bits, which are not fewer than 8 * 0",
    "passes/coff/grouped_sections.py sections_together: state.graph.blocks.text >= 0 -> state.graph.blocks.text > 0":
        "names lie behind their object's header, never at 0",
    "passes/coff/grouped_sections.py sections_together: 0 -> 1":
        "names lie behind their object's header, never at 0",
    "passes/coff/thread_locals.py ThreadLocals.gather: state.blocks.text >= 0 -> state.blocks.text > 0":
        "names lie behind their object's header, never at 0",
    "passes/coff/thread_locals.py ThreadLocals.gather: 0 -> 1":
        "names lie behind their object's header, never at 0",
    "passes/coff/import_slots.py ImportSlots.__init__: 0 -> 1":
        "it is set before it is read",
    "passes/coff/import_slots.py ImportSlots.make: "
    "state.graph.arena.append(np.zeros(count * width, np.uint8)) + width * np.arange(count) -> "
    "state.graph.arena.append(np.zeros(count * width, np.uint8)) - width * np.arange(count)":
        "a slot's content is overwritten by its pointer",
    "passes/coff/import_slots.py ImportSlots.make: width * np.arange(count) -> width + np.arange(count)":
        "a slot's content is overwritten by its pointer",
    "passes/coff/import_slots.py ImportSlots._add_symbols: "
    "zero + np.uint8(SymbolKind.UNDEFINED) -> zero - np.uint8(SymbolKind.UNDEFINED)":
        "UNDEFINED is 0",
    "formats/coff/symbol_table.py _with_added: "
    "zero + np.uint8(SymbolKind.UNDEFINED) -> zero - np.uint8(SymbolKind.UNDEFINED)":
        "UNDEFINED is 0",
    "passes/coff/import_slots.py ImportSlots.take: "
    "not self._rows or external is None -> not self._rows and external is None":
        "names are always asked for before; without slots no row is changed",
    "passes/coff/import_slots.py ImportSlots.place: "
    "not self._rows or external is None -> not self._rows and external is None":
        "names are always asked for before; without slots no row is changed",
    "passes/coff/rules.py COFFRules.define_names: "
    "state.external is not None and self._base_rows -> state.external is not None or self._base_rows":
        "names are always asked for before; without rows none is changed",
    "passes/coff/rules.py COFFRules.define_names: 0 -> 1 #2":
        "the number of blocks without a place, which are dead",
    "passes/coff/thread_locals.py ThreadLocals._in_order: 1 -> 2":
        "places only need an order, and to be above 0",
    "passes/coff/thread_locals.py ThreadLocals._make_list: 1 -> 2":
        "any negative number says that there is no list",
    "passes/coff/thread_locals.py ThreadLocals.place: 1 -> 2":
        "only the first of the rows is taken",
    "passes/coff/thread_locals.py ThreadLocals._is_needed: storage.callbacks >= 0 -> storage.callbacks > 0":
        "the list is a synthetic block, behind the objects' blocks: never the first",
    "passes/coff/thread_locals.py ThreadLocals._is_needed: 0 -> 1":
        "the list is a synthetic block, behind the objects' blocks and the index: never the first",
    "passes/coff/thread_locals.py ThreadLocals._place_of: program.callbacks >= 0 -> program.callbacks > 0":
        "the list is a synthetic block, behind the objects' blocks: never the first",
    "passes/coff/thread_locals.py ThreadLocals._place_of: 0 -> 1 #4":
        "the list is a synthetic block, behind the objects' blocks and the index: never the first",
    "passes/coff/thread_locals.py ThreadLocals._place_of: "
    "int(address[chunk.rows[0]]) - int(chunk.offset[0]) -> int(address[chunk.rows[0]]) + int(chunk.offset[0])":
        "the first block of a chunk lies at its start",
    "formats/byte_source.py ByteSource.read: end <= len(self._first) -> end < len(self._first)":
        "the same bytes, read again",
    "formats/elf/crel.py expand: 61 -> 62":
        "2^60 entries are refused as 2^61 are: no file is that large",
    "formats/elf/linkonce.py with_linkonce: room < 0 -> room <= 0":
        "a bound on the work that a hostile file can cause, a byte more or less",
    "formats/elf/linkonce.py with_linkonce: 0 -> 1 #1":
        "a bound on the work that a hostile file can cause, a byte more or less",
    "graph/dump.py _Dump.object: symbols.text[row] >= 0 -> symbols.text[row] > 0":
        "names lie behind their object's header, never at 0",
    "graph/dump.py _Dump.object: 0 -> 1 #1":
        "names lie behind their object's header, never at 0",
    "graph/types.py distinct: values.size < 100 -> values.size <= 100":
        "both ways give the same numbers in the same order",
    "graph/types.py distinct: 100 -> 101":
        "both ways give the same numbers in the same order",
    "graph/views.py GraphView.symbols_by_block: 1 -> 2":
        "a bound behind the last one, for which nobody asks",
    "passes/layout.py _order: 5 -> 6":
        "the number below it is less than 32: a wider shift gives the same order",
    "passes/rules.py Rules.drop_groups: some(dropped) and (not every(live)) -> some(dropped) or not every(live)":
        "`has_dead` only saves looking for dead blocks where there are none",
    "formats/coff/sections.py Sections.name: 1 -> 2":
        "only the part in front of the first NUL is taken",
    "formats/coff/files.py _row: graph.symbols.text[first + symbol] >= 0 -> graph.symbols.text[first + symbol] > 0":
        "names lie behind their object's header, never at 0",
    "formats/coff/files.py _row: 0 -> 1 #1":
        "names lie behind their object's header, never at 0",
    "graph/names.py Ids.__init__: 0 -> 1":
        "a column that is too short is replaced before it is used",
    "graph/names.py Ids.scratch: self._scratch.size < len(self) -> self._scratch.size <= len(self)":
        "another column of the same content, which is arbitrary",
    "graph/names.py Ids.scratch: 1024 -> 1025":
        "how much more a column is made than is needed now",
    "graph/names.py Ids.scratch: 2 * len(self) -> 2 + len(self)":
        "how much more a column is made than is needed now",
    "graph/names.py Ids.scratch: 2 -> 3":
        "how much more a column is made than is needed now",
    "passes/layout.py _pack: 1 -> 2":
        "the next line writes the second row",
    "passes/resolve.py dead_references: 0 -> 1 #3":
        "the row that is looked up for edges without a block, which are not dead anyway",
    "formats/elf/symbols.py _texts: "
    "b'@' in strings and b'@@' in strings -> b'@' in strings or b'@@' in strings":
        "names are looked through for a version in vain",
    "formats/elf/small_reader.py _place: 1 -> 2":
        "an alignment of 1 is left to the columns, which read it alike",
    "graph/names.py Ids._learn: len(self._homes) < len(self._texts) -> len(self._homes) <= len(self._texts)":
        "nothing is added to columns of equal length",
    "graph/views.py GraphView.edges_by_block: 1 -> 2":
        "a bound behind the last one, for which nobody asks",
    "graph/views.py GraphView.edges_by_block: 1 -> 2 #1":
        "a bound behind the last one, for which nobody asks",
    "formats/elf/sections.py Sections.name: 256 -> 257":
        "how much of a long name an error shows",
    "formats/elf/aarch64.py module: 4 -> 5 #2":
        "the number that a fifth group would have is another relocation's, which comes later",
    "graph/verify.py _link: 1 -> 2":
        "rows are 0 or more, as the line before has it: the first one is above -2 as it is above -1",
    "graph/kinds.py kind: 0 -> 1 #2":
        "the range of a kind without a field: its values are not looked at",
    "graph/encodings.py EncodingTable.encode: self._count[kinds] > index + 1 -> self._count[kinds] >= index + 1":
        "a piece that a kind does not have has an empty mask: nothing of it is written",
    "formats/elf/versions.py with_versions: 1 -> 2":
        "the numbers of owners only tell objects apart, and still do if each is less by one",
    "graph/kinds.py module: 16 -> 17":
        "RELATIVE only tells a width from the same one that counts from the field: any number above all widths does",
    "graph/encodings.py EncodingTable.encode: index + 1 -> index - 1":
        "behind the last piece the rows with a further one are none: the test only saves looking for them",
    "graph/encodings.py _rounds: 0 -> 1 #1":
        "a column of zeros adds nothing; None for it only saves the addition",
}  # fmt: skip
"""Changes by `Mutant.key` -> the proof that no test can notice them."""
