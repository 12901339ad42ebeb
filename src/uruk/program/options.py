"""The options of a program's link as values: what the words of a link line stand for. They become a `LinkPlan`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from uruk.errors import InvalidType, InvalidValue
from uruk.orc.registry.inputs import listed
from uruk.program.link_plan import Input, LinkPlan

if TYPE_CHECKING:
    from typing import TypeAlias

    Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview"


@dataclass(frozen=True)
class Library:
    """An input of a program that is linked in a way of its own.

    `source` is a name as for -l (text without a slash), a path, or the bytes of an archive. `whole`: all members of an
    archive are linked, needed or not (ld's --whole-archive); `static`: the name is an archive's (-Bstatic);
    `as_needed`: a shared library is loaded only if something refers to it (--as-needed).
    """

    source: Source
    whole: bool = False
    static: bool = False
    as_needed: bool = False


@dataclass(frozen=True)
class LinkOptions:
    """Options of a whole link, as compilers' drivers give them to a linker."""

    wrap: Sequence[str] = ()
    """Functions whose calls go to ``__wrap_NAME`` (--wrap)."""
    define: Mapping[str, int | str | tuple[str, int]] = field(default_factory=dict[str, "int | str | tuple[str, int]"])
    """Names with an address, another name that they stand for, or that and an offset in bytes (--defsym)."""
    undefined: Sequence[str] = ()
    """Names that are looked for as if an object referred to them (-u)."""
    rpath: Sequence[str] = ()
    """Directories in which shared libraries are looked for when the program runs; ``$ORIGIN`` is its own (-rpath)."""
    rpath_is_inherited: bool = False
    """Libraries' own needs are looked for there, too (--disable-new-dtags)."""
    rdynamic: bool = False
    """Libraries that the program opens see all its names (-rdynamic)."""
    static: bool = False
    """Every library is an archive (-static)."""
    whole_archives: bool = False
    """All members of every archive are linked (--whole-archive)."""
    as_needed: bool = False
    """Shared libraries are loaded only if something refers to them (--as-needed)."""
    prune: bool = False
    """Sections that the entry does not reach are dropped (--gc-sections)."""
    phony_externals: bool = False
    """Names that nothing defines become 0 (--unresolved-symbols=ignore-all)."""
    starts_itself: bool = False
    """The program has a ``_start`` of its own instead of main() (-nostartfiles)."""
    crt: str = ""
    """The C runtime of a program of Windows, ``msvcrt`` or ``ucrt``; by default the one that it is compiled for."""

    def apply(self, plan: LinkPlan) -> None:
        """Have a plan say the same. Raises InvalidType for a definition that is none."""
        plan.wrapped += listed(self.wrap, "wrap")
        plan.undefined += listed(self.undefined, "undefined")
        plan.rpath += listed(self.rpath, "rpath")
        plan.rpath_is_inherited = self.rpath_is_inherited
        plan.rdynamic, plan.all_static = self.rdynamic, self.static
        plan.prune, plan.phony, plan.starts_itself = self.prune, self.phony_externals, self.starts_itself
        plan.crt = self.crt
        plan.set_whole(self.whole_archives)
        plan.set_as_needed(self.as_needed)
        for name, meaning in self.define.items():
            if isinstance(meaning, int):
                plan.defines.append((name, meaning))
            elif isinstance(meaning, str):
                plan.aliases.append((name, meaning, 0))
            else:
                symbol, offset = meaning
                plan.aliases.append((name, symbol, offset))


def add_inputs(
    plan: LinkPlan, inputs: Sequence[Source | Library], libraries: Sequence[str | Library]
) -> dict[str, bytes]:
    """Add inputs to a plan, in whose state they are linked; returns the bytes among them by the names they have there.

    Raises InvalidType for what is not an input, InvalidValue where nothing is linked.
    """
    given: dict[str, bytes] = {}
    if not inputs:
        raise InvalidValue("a program has at least one input")
    for item in _inputs(inputs, libraries, given):
        plan.add(item.kind, item.value)
        state = plan.inputs[-1]
        plan.inputs[-1] = state._replace(
            whole=state.whole or item.whole,
            static=state.static or item.static,
            as_needed=state.as_needed or item.as_needed,
        )
    plan.settle()
    return given


def _inputs(
    inputs: Sequence[Source | Library], libraries: Sequence[str | Library], given: dict[str, bytes]
) -> Iterator[Input]:
    for number, source in enumerate(inputs):
        if isinstance(source, Library):
            yield _library(source, number, given)
        else:
            yield Input("input", _name_of(source, number, given))
    for number, library in enumerate(libraries, len(inputs)):
        yield _library(library if isinstance(library, Library) else Library(library), number, given)


def _library(library: Library, number: int, given: dict[str, bytes]) -> Input:
    source = library.source
    is_name = isinstance(source, str) and "/" not in source
    value = source if is_name and isinstance(source, str) else _name_of(source, number, given)
    return Input("library" if is_name else "input", value, library.whole, library.static, library.as_needed)


def _name_of(source: Source, number: int, given: dict[str, bytes]) -> str:
    """Return the name of an input in the plan; bytes are kept under theirs. Raises InvalidType."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = f"<input {number}>"
    try:
        given[name] = memoryview(source).tobytes()
    except TypeError:
        raise InvalidType(f"an input is a path or bytes, not {type(source).__name__}") from None
    return name
