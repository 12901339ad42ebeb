"""Hints about names that nothing defines: C against C++, static functions, other dylibs, libraries, typing errors.

All of it is looked for when the error is made, and costs milliseconds, or a tenth of a second with 100,000 names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from uruk.demangle import demangle
from uruk.errors import ObjectFormatError, UnknownTarget
from uruk.graph.types import true_rows
from uruk.libraries.search import LibrarySearch
from uruk.orc.lookup.close_names import CloseNames
from uruk.orc.lookup.local_names import local_spellings, locals_among
from uruk.orc.registry.entries import Contents, ObjectEntry
from uruk.records import record

if TYPE_CHECKING:
    from uruk.orc.registry.registry import Registry

MOST_CLOSE = 20
"""Names that close ones are looked for."""
_OF_LIBRARY = re.compile(r"add -l ([\w+.-]*[\w+])")
_LAST_NAME = re.compile(r"((?:operator\W.*|[^\W\d]\w*))$")


def hints_of(
    session: Registry, dylib: Contents, needs: Mapping[bytes, str], of_the_program: Mapping[bytes, str]
) -> dict[bytes, str]:
    """Return hints for the names of `needs`, which code of `dylib` needs at these places; not each name has one.

    `of_the_program` are hints for names that only a linked program file has.
    """
    known = _Known(session, dylib)
    hints: dict[bytes, str] = {}
    search: LibrarySearch | None = None
    with suppress(UnknownTarget):  # code that is only linked may be for a system without known libraries
        search = LibrarySearch(target=session.target)
    for name, place in needs.items():
        # The surest hint first: each later kind is asked only about names that have none yet.
        hint = (search and search.host.hint_at(place)) or of_the_program.get(name) or known.elsewhere(name)
        if hint:
            hints[name] = hint
    found = search.hints_for(name for name in needs if name not in hints) if search else {}
    of_libraries = {name: _OF_LIBRARY.sub(r'add -l \1 (add_library("\1"))', hint) for name, hint in found.items()}
    # A mangled name says all of a function: one that a library defines is no mistake for another.
    _add(hints, {name: hint for name, hint in of_libraries.items() if name.startswith(b"_Z")})
    _add(hints, known.static([name for name in needs if name not in hints]))
    _add(hints, {name: known.other_language(name, asked=not needs[name]) for name in needs if name not in hints})
    _add(hints, {name: hint for name, hint in of_libraries.items() if name not in hints})
    # Distances are counted letter by letter for each name, and a screen of errors shows no more of them.
    rest = [name for name in needs if name not in hints][:MOST_CLOSE]
    _add(hints, {name: known.typing_error(name) for name in rest})
    if any(name not in hints for name in needs):
        _add(hints, dict.fromkeys((name for name in needs if name not in hints), known.useless_member()))
    return hints


def _add(hints: dict[bytes, str], more: Mapping[bytes, str]) -> None:
    hints.update((name, hint) for name, hint in more.items() if hint)


@record
class _Known:
    """The names that a dylib's session defines by now, and that its archives could define."""

    session: Registry
    dylib: Contents

    @cached_property
    def home(self) -> dict[bytes, tuple[str, Contents]]:
        """Every name that something defines -> what defines it, and the dylib; those of the dylib's own code first."""
        definers: dict[bytes, tuple[str, Contents]] = {}
        session = self.session
        visible = [neighbour for neighbour, _ in self.dylib.order_for_code()]
        for neighbour in dict.fromkeys([*visible, *session.dylibs.values()]):
            texts: list[bytes] = list(neighbour.names)
            numbers = np.fromiter(neighbour.names.values(), np.int64, len(neighbour.names))
            # Names that were interned since the table grew have no row: `clip` keeps the gather inside.
            owner = np.where(numbers < session.table.owner.size, session.table.owner.take(numbers, mode="clip"), -1)
            rows: list[int] = true_rows(owner >= 0).tolist()
            for row in rows:
                definers.setdefault(texts[row], (session.objects[int(owner[row])].file, neighbour))
            for entry in neighbour.search.archives:
                with suppress(ObjectFormatError):  # a lookup that needs a member of it raises that
                    index: dict[bytes, int] = entry.index()
                    for text in index:
                        definers.setdefault(text, (entry.archive.name, neighbour))
        return definers

    @cached_property
    def _cplusplus(self) -> bytes:
        """The mangled names among them, a line each."""
        # One text for all names: bytes.find is faster than a loop over them.
        return b"\n" + b"\n".join(name for name in self.home if name.startswith(b"_Z")) + b"\n"

    @cached_property
    def _close(self) -> CloseNames:
        return CloseNames(list(self.home))

    def useless_member(self) -> str:
        """Return the hint for any name where an archive has a member that can define nothing."""
        from uruk.orc.lookup.archive_hints import useless_member

        archives = [entry for neighbour, _ in self.dylib.order_for_code() for entry in neighbour.search.archives]
        return useless_member(archives, self.session.target)

    def elsewhere(self, name: bytes) -> str:
        """Return the hint for a name that a dylib defines which the code does not see."""
        file, definer = self.home.get(name, ("", self.dylib))
        if not file or any(definer is neighbour for neighbour, _ in self.dylib.order_for_code()):
            return ""
        return f"dylib {definer.name} defines it, in {file}, but is not in the link order of {self.dylib.name}"

    def static(self, names: list[bytes]) -> dict[bytes, str]:
        """Return hints for the names that added objects have as local symbols: static functions and variables."""
        wanted = {spelling: name for name in names for spelling in local_spellings(name)}
        entries = [entry for entry in self.session.objects.values() if isinstance(entry, ObjectEntry)]
        hints: dict[bytes, str] = {}
        for graph in {id(entry.added.graph): entry.added.graph for entry in entries}.values():
            for text, row in locals_among(graph, wanted):
                file = graph.files[graph.object_of_symbol(row)]
                hints.setdefault(
                    wanted[text], f"it is static in {file}, a local symbol that no other object sees: remove `static'"
                )
        return hints

    def other_language(self, name: bytes, *, asked: bool) -> str:
        """Return the hint for a name of C that is defined as one of C++, or the other way round, or with other
        parameters; `asked`: it was looked up, and no code needs it."""
        plain = not name.startswith(b"_Z")
        base = name.decode("utf-8", "replace") if plain else base_of(demangle(name.decode("utf-8", "replace")))
        if not base:
            return ""
        file, _ = self.home.get(base.encode(), ("", self.dylib))
        if file and not plain:
            return f'{file} defines `{base}\', as a name of C: declare it extern "C" here, or define it in C++'
        for mangled in self._mangled_with(base):
            text = demangle(mangled.decode("utf-8", "replace"))
            if base_of(text) != base:
                continue
            file, _ = self.home[mangled]
            if plain:
                advice = f'look up "{text}", or declare it extern "C" there' if asked else 'declare it extern "C" there'
                return f"{file} defines {text}  ({mangled.decode('utf-8', 'replace')}): {advice}"
            return f"did you mean {text}, in {file}?"
        return ""

    def _mangled_with(self, base: str) -> Iterator[bytes]:
        """Yield defined names that have a source name in them; Itanium C++ ABI, 5.1.2: its length, then the name."""
        text = base.encode()
        token, lines, at = b"%d%s" % (len(text), text), self._cplusplus, 0
        for _ in range(20):
            at = lines.find(token, at)
            if at < 0:
                return
            end = lines.index(b"\n", at)
            yield lines[lines.rindex(b"\n", 0, at) + 1 : end]
            at = end

    def typing_error(self, name: bytes) -> str:
        """Return the hint for a name that is nearly one that is defined."""
        near = self._close.near(name)
        if not near:
            return ""
        texts = [demangle(mangled.decode("utf-8", "replace")) for mangled in near]
        return f"did you mean {' or '.join(texts)}, in {self.home[near[0]][0]}?"


def base_of(text: str) -> str:
    """Return the last name of a demangled one, without parameters and template arguments:

    ``n::f<int>(char)`` -> ``f``.
    """
    depth, kept = 0, list[str]()
    for letter in text:
        if letter == "(" and not depth:
            break
        # Letters inside template arguments count for nothing: names of their own are there.
        depth += (letter == "<") - (letter == ">")
        if not depth and letter != ">":
            kept.append(letter)
    match = _LAST_NAME.search("".join(kept))
    return match[1] if match else ""
