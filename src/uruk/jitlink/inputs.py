"""The inputs of a command line, added to a session: each belongs to the last ``-jd`` before it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from uruk.errors import DuplicateDefinition, LibraryError, UrukError
from uruk.graph.graph import Binding, Graph, SymbolKind, Symbols
from uruk.graph.types import NONE, true_rows
from uruk.jitlink.arguments import definition, lazy_places
from uruk.jitlink.failures import ToolError, input_error, not_found
from uruk.jitlink.harness import Harness
from uruk.jitlink.made_sections import add_section
from uruk.jitlink.options import CommandLine, Placed
from uruk.orc.dylib import JITDylib
from uruk.orc.registry.entries import ObjectEntry
from uruk.orc.registry.inputs import read_source
from uruk.orc.registry.search import LookupKind
from uruk.orc.registry.symbols import encode_name
from uruk.orc.session import Session

ARCHIVES = (".a", ".lib")
_LIBRARIES = ("lib{}.dylib", "lib{}.so", "{}.dll", "lib{}.a", "{}.lib")
"""The names of library files, in the order in which LLVM's tool looks for them in each folder."""
_ARCHIVE_MAGIC = (b"!<arch>\n", b"!<thin>\n")


class Inputs:
    """Adds what a command line names; `order` has the dylibs that are searched for the entry, `main` first."""

    def __init__(self, session: Session, line: CommandLine, main: JITDylib | None = None) -> None:
        self.session = session
        self.line = line
        self._bare = line.is_on("no-process-syms")
        self.main = main or self._new_dylib("main")
        self.main.bare = self._bare
        self.order = [self.main]
        # Place -1 is before every word, so that each word has a dylib.
        self._begins = [(-1, self.main)]
        self.absolute: dict[str, int] = {}
        """The absolute symbols of ``-abs``."""
        self._loaded: dict[str, JITDylib] = {}

    def _new_dylib(self, name: str) -> JITDylib:
        dylib = self.session.create_dylib(name, bare=self._bare)
        # LLVM's tool takes libraries and names as they are written, and adds none of a compiler's conventions.
        dylib.adapts = not self.session.only_links
        return dylib

    def add_all(self) -> None:
        """Add everything, in the order of LLVM's tool. Raises ToolError."""
        # Dylibs come first, as aliases may name those that are behind them on the line.
        for placed in self.line.all("jd"):
            self._make_dylib(placed)
        for path in self.line.texts("preload"):
            self._preload(path)
        for placed in self.line.all("abs"):
            self._define(placed)
        for placed in self.line.all("alias"):
            self._alias(placed)
        for placed in self.line.all("sectcreate"):
            add_section(self._home(placed), placed.text, self.session.target)
        # All of a harness's names must be known before the objects that it tests are read.
        harness = Harness() if self.line.all("harness") else None
        for placed in self.line.all("harness"):
            self._add_object(placed, self.main, harness.note if harness else None)
        # Nothing is called where nothing is run: files are linked as soon as something refers to them.
        lazy = set[int]() if self.session.only_links else lazy_places(self.line)
        for placed in self.line.inputs:
            if placed.place in lazy and not placed.text.endswith(ARCHIVES):
                self._add_lazily(placed)
            elif not placed.text.endswith(ARCHIVES):
                home = self._home(placed)
                self._add_object(placed, home, partial(_promote, harness, home) if harness else None)
        # Libraries come behind objects: an archive's member is never preferred to an object's own definition.
        self._add_libraries()
        if self.line.is_on("phony-externals"):
            # It answers for every name, so that it must be asked last.
            self.main.add_generator(_Null())

    def graphs(self) -> list[Graph]:
        """Return the graphs of all objects that were added."""
        entries = [entry for entry in self.session.objects.values() if isinstance(entry, ObjectEntry)]
        # Objects that were read together share one graph.
        return list({id(entry.added.graph): entry.added.graph for entry in entries}.values())

    def _home(self, placed: Placed) -> JITDylib:
        """Return the dylib of the last ``-jd`` before a word."""
        # `_begins` ascends by places, as values are gathered from left to right.
        return next(dylib for place, dylib in reversed(self._begins) if place < placed.place)

    def _make_dylib(self, placed: Placed) -> None:
        # A second -jd of one name makes another dylib, as in LLVM's tool; a session knows each by a name of its own.
        known = placed.text
        while known in self.session.dylibs:
            known += "'"
        dylib = self._new_dylib(known)
        dylib.name = placed.text
        self.order.append(dylib)
        self._begins.append((placed.place, dylib))

    def _preload(self, path: str) -> None:
        """Load a library for all of the process."""
        try:
            self.main.load_library(path, everywhere=True)
        except LibraryError as error:
            raise ToolError(error.describe()) from error

    def _define(self, placed: Placed) -> None:
        name, address = definition(placed.text)
        self._keep(name, lambda: self._home(placed).define(name, address, function=True))
        self.absolute[name] = address

    def _alias(self, placed: Placed) -> None:
        alias, equals, aliasee = placed.text.partition("=")
        if not equals or not aliasee:
            raise ToolError(
                f'Invalid alias definition "{placed.text}". Syntax: [<dst-jd>:]<alias>=[<src-jd>:]<aliasee>'
            )
        home, name = _split(alias)
        source, target = _split(aliasee)
        destination = self._named(home, placed)
        # An aliasee without a dylib is looked up where the alias is defined.
        origin = self._named(source or home, placed)
        self._keep(name, lambda: destination.alias({name: target}, origin))

    def _named(self, name: str, placed: Placed) -> JITDylib:
        if not name:
            return self._home(placed)
        for dylib in self.order:
            if dylib.name == name:
                return dylib
        raise ToolError(f'In alias definition "{placed.text}" no dylib named {name}')

    def _keep(self, name: str, add: Callable[[], object]) -> None:
        try:
            add()
        except DuplicateDefinition as error:
            raise ToolError(f"Duplicate definition of symbol '{name}'") from error

    def _add_object(self, placed: Placed, home: JITDylib, edit: Callable[[Graph], None] | None) -> None:
        """Add an object to a dylib; `edit` may change its symbols before. Raises ToolError."""
        if not os.path.exists(placed.text):
            raise not_found(placed.text)
        try:
            graph = self.session.parse([read_source(placed.text, placed.text)], home)
            # Objects say in their linker directives (`-exclude-symbols`) which definitions no library shows.
            if unexported := {name for words in graph.linker_words.values() for name in words.get("no-library", ())}:
                graph.symbols = _localised(graph, {encode_name(name) for name in unexported})
            if edit is not None:
                edit(graph)
            # LLVM's tool links an object only when something refers to it, or to run its initialisers.
            runs = not self.session.only_links
            home.add_graph(graph, home.create_tracker(placed.text), roots=runs)
        except UrukError as error:
            raise input_error(placed.text, error) from error

    def _add_lazily(self, placed: Placed) -> None:
        """Add an object that is linked when a function of it is called, or its data is needed. Raises ToolError."""
        try:
            self._home(placed).add_object(placed.text, lazy=True)
        except UrukError as error:
            raise input_error(placed.text, error) from error

    # -- libraries

    def _add_libraries(self) -> None:
        folders: dict[JITDylib, list[str]] = {}
        for placed in self.line.all("L"):
            home = self._home(placed)
            if not os.path.isdir(placed.text):
                raise ToolError(f"While linking {home.name}, -L{placed.text} does not point to a directory")
            folders.setdefault(home, []).append(placed.text)
        if self.line.is_on("search-sys-lib"):
            system = [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path]
        else:
            system = []
        for placed in self.line.inputs:
            if placed.text.endswith(ARCHIVES):
                self._add_archive(self._home(placed), placed.text, hidden=False)
        for placed in self.line.all("load_hidden"):
            self._add_archive(self._home(placed), placed.text, hidden=True)
        for placed in self.line.all("weak_library"):
            raise ToolError(f"'{placed.text}': weak libraries are Mach-O's (TextAPI), and uruk links ELF and COFF")
        for placed in self.line.all("weak-l"):
            raise ToolError(f"While linking {self._home(placed).name}, could not find library for -l{placed.text}")
        named = [(placed, name == "hidden-l") for name in ("l", "hidden-l") for placed in self.line.all(name)]
        for placed, hidden in named:
            home = self._home(placed)
            self._add_named(home, placed.text, [*folders.get(home, ()), *system], hidden=hidden)

    def _add_named(self, home: JITDylib, name: str, folders: Sequence[str], *, hidden: bool) -> None:
        """Add ``-l NAME``: a dylib of that name, or the first library file of it in the folders."""
        if name in self.session.dylibs:
            # A name behind -l is that of a `-jd` before it is that of a file.
            home.add_to_link_order(self.session.dylibs[name])
            return
        for folder in folders:
            for pattern in _LIBRARIES:
                path = os.path.join(folder, pattern.format(name))
                if os.path.isfile(path) and self._add_file(home, path, hidden=hidden):
                    return
        raise ToolError(f"While linking {home.name}, could not find library for -l{name}")

    def _add_file(self, home: JITDylib, path: str, *, hidden: bool) -> bool:
        """Add an archive or a shared library; False if the file is neither."""
        with open(path, "rb") as file:
            # GNU ld's linker scripts are named lib*.so too; LLVM's tool goes on to the next file where it meets one.
            head = file.read(8)
        if head in _ARCHIVE_MAGIC:
            self._add_archive(home, path, hidden=hidden)
        elif head.startswith(b"\x7fELF"):
            self._add_shared(home, path)
        else:
            return False
        return True

    def _add_shared(self, home: JITDylib, path: str) -> None:
        """Add a shared library as a dylib of its own, at the end of the link order."""
        try:
            if path not in self._loaded:
                # Two dylibs that name one library share it, and its search of names.
                self._loaded[path] = library = self.session.create_dylib(path, bare=True)
                library.add_shared_library(path)
            home.add_to_link_order(self._loaded[path])
        except UrukError as error:
            raise ToolError(error.describe()) from error

    def _add_archive(self, home: JITDylib, path: str, *, hidden: bool) -> None:
        if not os.path.exists(path):
            raise ToolError(f"'{path}': '{path}': {os.strerror(2)}")
        try:
            home.add_archive(path, hidden=hidden, whole=self.line.is_on("all_load"))
        except UrukError as error:
            raise ToolError(f"'{path}': {error.describe()}") from error


def _promote(harness: Harness, home: JITDylib, graph: Graph) -> None:
    graph.symbols = harness.promoted(graph, home.names)


def _split(text: str) -> tuple[str, str]:
    """Return the dylib and the name of ``[DYLIB:]NAME``."""
    home, colon, name = text.partition(":")
    return (home, name) if colon and name else ("", home)


def _localised(graph: Graph, names: set[bytes]) -> Symbols:
    """Return the symbols of a graph, in which definitions of some names are their object's own."""
    symbols = graph.symbols
    name, binding = symbols.name.copy(), symbols.binding.copy()
    for row in true_rows((symbols.name >= 0) & (symbols.kind == SymbolKind.DEFINED)).tolist():
        if graph.symbol_name(row).encode() in names:
            # Without the number of a name the row takes no part in resolution; references inside the object go by row.
            name[row], binding[row] = NONE, Binding.LOCAL
    return symbols.replaced(name=name, binding=binding)


class _Null:
    """Defines every name that nothing else has as 0."""

    name = "phony externals"

    def generate(self, dylib: object, names: Sequence[str], kind: LookupKind) -> Mapping[str, int]:
        """See `uruk.orc.generators.DefinitionGenerator.generate`."""
        return dict.fromkeys(names, 0)
