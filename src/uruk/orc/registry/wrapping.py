"""Wrapped names (ld's --wrap): references to ``f`` become references to ``__wrap_f``, and ``__real_f`` becomes ``f``.

Only names that an object leaves undefined are redirected, as by GNU ld: a call within the object that defines `f`
stays there. Libraries are not concerned: the loader knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from uruk.graph.graph import Binding, Graph, SymbolKind
from uruk.graph.types import every

if TYPE_CHECKING:
    from uruk.graph.names import Names

WRAPPER, REAL = b"__wrap_", b"__real_"
MORE_STACK = b"__morestack"
"""The functions that code with split stacks calls for more stack (gcc's -fsplit-stack)."""


def wrapped_names(name: bytes) -> dict[bytes, bytes]:
    """Return the redirections of references when `name` is wrapped."""
    return {name: WRAPPER + name, REAL + name: name}


def redirect_references(graph: Graph, names: Names, redirections: Mapping[bytes, bytes]) -> None:
    """Rename undefined symbols of a graph, each name of `redirections` to the one that it stands for."""
    graph.forget_rows()
    symbols = graph.symbols
    before = symbols.name.copy()  # __real_f becomes f, which is not to become __wrap_f
    undefined = symbols.kind == SymbolKind.UNDEFINED
    for name, target in redirections.items():
        # A name that was never interned is in no symbol; asking by index would intern it.
        if name in names:
            symbols.name[undefined & (before == names[name])] = names[target]


def split_stack_names(graph: Graph, names: Names) -> dict[bytes, bytes]:
    """Return the redirections that split stacks need: threads begin in libgcc's wrapper of `pthread_create`.

    It says where a new thread's stack ends; gcc has the linker wrap it where it links with -fsplit-stack (gcc.cc).
    Objects that have a runtime of their own for split stacks are left alone, and so are those that only ask by a weak
    reference whether there is one, as JIT compilers do. `names` has the number of `MORE_STACK`.
    """
    number, symbols = names[MORE_STACK], graph.symbols
    mentions = (symbols.name == number) & (symbols.binding != Binding.WEAK)
    kind = symbols.kind[mentions]
    return wrapped_names(b"pthread_create") if kind.size and every(kind == SymbolKind.UNDEFINED) else {}
