"""The plan that a link line describes: its inputs in order, each with the options in force there, and the rest."""

from __future__ import annotations

import os
from collections.abc import Collection

from uruk.named_tuples import NamedTuple
from uruk.records import Values, field, record, replace


class Input(NamedTuple):
    """A file (kind ``input``), or a library by its name for -l (kind ``library``), and how it is linked."""

    kind: str
    value: str
    whole: bool = False
    """All members of an archive are linked, needed or not."""
    static: bool = False
    """A library is an archive; shared ones are passed over."""
    as_needed: bool = False
    """A shared library is loaded only if something refers to it."""


@record
class LinkPlan(Values):
    """Inputs and state, as a linker that reads a line from left to right has them."""

    inputs: list[Input] = field(default_factory=list[Input])
    directories: list[str] = field(default_factory=list[str])
    wrapped: list[str] = field(default_factory=list[str])
    """Functions whose calls go to ``__wrap_NAME``."""
    aliases: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    """An alias, the name that it stands for, and an offset from that in bytes."""
    defines: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    undefined: list[str] = field(default_factory=list[str])
    """Names that are looked for as if an object referred to them."""
    rpath: list[str] = field(default_factory=list[str])
    rpath_is_inherited: bool = False
    """Libraries' own needs are searched there, too (DT_RPATH; else DT_RUNPATH)."""
    output: str = ""
    """The program's name: nothing is written."""
    entry: str = ""
    starts_itself: bool = False
    """It may have a ``_start`` of its own instead of main()."""
    default_libraries: bool = True
    """Libraries of languages are added that no option names."""
    all_static: bool = False
    """Every library is an archive, wherever on the line."""
    static_cxx: bool = False
    rdynamic: bool = False
    prune: bool = False
    phony: bool = False
    cxx_library: str = "stdc++"
    runtimes: list[str] = field(default_factory=list[str])
    """Flags of compilers that have a runtime library."""
    preloaded: list[str] = field(default_factory=list[str])
    """Libraries that are in the process before all else."""
    counts_calls: bool = False
    """For gprof."""
    crt: str = ""
    """The C runtime, by its name, on a system that has several; empty: what the objects are compiled for."""
    _state: Input = field(default_factory=lambda: Input("", ""))
    _pushed: list[Input] = field(default_factory=list[Input])

    def add(self, kind: str, value: str) -> None:
        """Add an input in the state that holds here."""
        _, _, *state = self._state
        self.inputs.append(Input(kind, value, *state))

    def set_whole(self, whole: bool) -> None:
        """Have archives from here on linked whole, or not."""
        self._state = self._state._replace(whole=whole)

    def set_static(self, static: bool) -> None:
        """Have libraries from here on be archives only, or not."""
        self._state = self._state._replace(static=static)

    def set_as_needed(self, as_needed: bool) -> None:
        """Have shared libraries from here on loaded only if they are needed, or always."""
        self._state = self._state._replace(as_needed=as_needed)

    def push(self) -> None:
        """Keep the state, for `pop`."""
        self._pushed.append(self._state)

    def pop(self) -> bool:
        """Go back to the state that was kept last; False if there is none."""
        if not self._pushed:
            return False
        self._state = self._pushed.pop()
        return True

    def language_library(self, library: str) -> Input:
        """Return a library of a language, as the line has it."""
        is_cxx = library == "stdc++"
        name = self.cxx_library if is_cxx else library
        return Input("library", name, static=self.all_static or (self.static_cxx and is_cxx))

    @property
    def name(self) -> str:
        """The program's name, which is its argv[0]."""
        return self.output or self.inputs[0].value

    def settle(self) -> None:
        """Apply to each input what the line as a whole said, at its end."""
        if self.all_static:
            self.inputs = [item._replace(static=True) if item.kind == "library" else item for item in self.inputs]

    def with_whole_paths(self, given: Collection[str]) -> LinkPlan:
        """Return the same plan for a process that has another working directory; `given` are names of no files."""
        inputs = [
            item._replace(value=os.path.abspath(item.value))
            if item.kind == "input" and item.value not in given
            else item
            for item in self.inputs
        ]
        directories = [os.path.abspath(path) for path in self.directories]
        return replace(self, inputs=inputs, directories=directories, output=self.name)
