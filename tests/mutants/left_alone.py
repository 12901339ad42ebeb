"""What is not broken: numbers that only decide about speed or about bounds, and changes that cannot be noticed."""

from __future__ import annotations

TUNING = {
    ("passes/islands.py", "ROOM"): "how much is left free for islands",
    ("passes/islands.py", "ISLAND_ALIGN"): "any alignment of a page or more will do",
    ("passes/islands.py", "MOST_REGIONS"): "a bound on the work for one batch",
    ("passes/layout.py", "CODE_SKIP"): "how functions are spread over cache lines",
    ("passes/copy.py", "FEW"): "the number of blocks from which columns are faster than a loop",
    ("passes/elf/eh_frame.py", "SMALL"): "the number of bytes from which columns are faster than a loop",
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
    "formats/coff/symbol_table.py make_symbols: 0 -> 1 #1":
        "both columns of pairs have the same size",
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
