"""Names of which a library has a base version that is not the default: the loader's dlsym gives that, a link never."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from uruk.graph.types import I64, Bool, signed

if TYPE_CHECKING:
    from uruk.executor.interface import Executor
    from uruk.executor.library_symbols import FoundSymbols
    from uruk.orc.registry.search import LibraryEntry


def correct_libraries(
    executor: Executor, libraries: Sequence[LibraryEntry], names: Sequence[bytes], symbols: FoundSymbols
) -> None:
    """Correct dlsym's answers of libraries for such names: they become the default versions' addresses, or 0."""
    for row in _odd_rows(libraries, names):
        symbols.clear(row)
        for library in libraries:
            asked = library.asked(names[row])
            answer = executor.libraries.find_symbols([library.handle], [asked] if asked else [])
            if answer.found.any() and (answer.defined[0] or not symbols.found[row]):
                symbols.take(row, answer)
            if symbols.defined[row]:
                break


def correct_process(
    executor: Executor, libraries: Sequence[LibraryEntry], names: Sequence[bytes], address: I64, is_data: Bool
) -> None:
    """Correct the process's answers: such a base version of a library that every dylib sees becomes 0."""
    for row in _odd_rows(libraries, names):
        bases = [library for library in libraries if names[row] in library.hidden]
        # Only where the process's answer is that very base version: another library may have the name, too.
        if address[row] in [signed(executor.libraries.find_symbol(library.handle, names[row])[0]) for library in bases]:
            address[row], is_data[row] = 0, False


def _odd_rows(libraries: Sequence[LibraryEntry], names: Sequence[bytes]) -> list[int]:
    odd = {name for library in libraries for name in library.hidden}
    return [row for row, name in enumerate(names) if name in odd] if odd else []
