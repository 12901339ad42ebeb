"""Names that the linker itself defines; see `uruk.passes.elf.linker_symbols`.

They are apart from it, as a session has to know them before anything is linked.
"""

from __future__ import annotations

DSO_HANDLE = b"__dso_handle"
GOT = b"_GLOBAL_OFFSET_TABLE_"
START, STOP = b"__start_", b"__stop_"
TLS_BASE = b"_TLS_MODULE_BASE_"
"""The start of the module's thread-local block (the x86-64 TLS descriptor specification, local-dynamic model)."""
CODE, CODE_END, DATA, CONTENT_END, DATA_END = range(5)
PLACES = {
    b"__executable_start": CODE,
    **dict.fromkeys((b"etext", b"_etext", b"__etext"), CODE_END),
    **dict.fromkeys((b"data_start", b"__data_start"), DATA),
    **dict.fromkeys((b"edata", b"_edata", b"__bss_start"), CONTENT_END),
    **dict.fromkeys((b"end", b"_end"), DATA_END),
}
"""Names of places in a module. A library's are its own, and never meant."""
ARRAYS = ("preinit_array", "init_array", "fini_array")
"""Arrays of initialisers and finalisers; `uruk.passes.elf.function_arrays` knows which sections they are made of."""
ARRAY_BOUNDS = {f"__{array}_{end}".encode(): (array, end == "end") for array in ARRAYS for end in ("start", "end")}
"""Name of a bound of an array of functions -> the array, and whether it is the end."""
HEADER = b"__ehdr_start"
OWN_PLACES = frozenset((*PLACES, *ARRAY_BOUNDS, HEADER))
"""All names that are found in no library."""
PRIVATE = (DSO_HANDLE, GOT, TLS_BASE)
"""Names that every module has for itself, whatever it is made of."""
