"""Options of other programs' command lines as a table: how one is spelled, what it takes, and what it means here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias


class Takes(Enum):
    """The value of an option, by the way it is written."""

    NOTHING = auto()
    REST = auto()
    """The rest of the word, which may be empty: ``-O2``, ``-std=c99``."""
    WORD = auto()
    """The next word: ``-Xlinker -s``."""
    EITHER = auto()
    """The rest of the word, or, if that is empty, the next one: ``-lz``, ``-l z``."""
    EQUALS = auto()
    """The value follows ``=``, or is the next word: ``--wrap=f``, ``--wrap f``."""
    MAYBE = auto()
    """The value follows ``=`` and may be absent: ``--build-id``, ``--build-id=none``."""


class Meaning(Enum):
    """The effect of an option in a link that is run at once."""

    IGNORED = auto()
    """It says something of the file that a linker writes, or of how it works: here it changes nothing."""
    REFUSED = auto()
    """It asks for something that cannot be had; the table says why."""
    COMPILER = auto()
    """It is for the compiler of the sources."""
    LINKER = auto()
    """Its value is words for the linker."""
    LANGUAGE_LIBRARY = auto()
    """It is for the compiler, and decides the C++ library, too."""
    RUNTIME = auto()
    """It is for the compiler, which adds a library of its own when it links."""
    OUTPUT = auto()
    LIBRARY = auto()
    DIRECTORY = auto()
    ENTRY = auto()
    UNDEFINED = auto()
    EXPORT = auto()
    STATIC = auto()
    ALL_STATIC = auto()
    """STATIC, for the whole line."""
    DYNAMIC = auto()
    AS_NEEDED = auto()
    NO_AS_NEEDED = auto()
    WHOLE_ARCHIVE = auto()
    NO_WHOLE_ARCHIVE = auto()
    PUSH_STATE = auto()
    POP_STATE = auto()
    RPATH = auto()
    INHERITED_RPATH = auto()
    OWN_RPATH = auto()
    WRAP = auto()
    DEFSYM = auto()
    SCRIPT = auto()
    """Its value is a linker script, of inputs; what else scripts do is refused."""
    GC_SECTIONS = auto()
    NO_GC_SECTIONS = auto()
    UNRESOLVED = auto()
    NO_START_FILES = auto()
    NO_DEFAULT_LIBRARIES = auto()
    NO_STANDARD = auto()
    """Neither of the two."""
    STATIC_CXX = auto()
    KEYWORD = auto()


@dataclass(frozen=True, slots=True)
class Option:
    """A row of a table. `why`: the reason of a refusal."""

    name: str
    takes: Takes
    meaning: Meaning
    why: str = ""


Row: TypeAlias = tuple[str, Takes, Meaning] | tuple[str, Takes, Meaning, str]


class OptionTable:
    """Rows by their spelling."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """A row's first field has all spellings of an option, with space between."""
        self.options = [
            Option(name, row[1], row[2], row[3] if len(row) > 3 else "") for row in rows for name in row[0].split()
        ]
        self._exact = {option.name: option for option in self.options}
        joined = [option for option in self.options if option.takes in (Takes.REST, Takes.EITHER)]
        self._joined = sorted(joined, key=lambda option: -len(option.name))

    def find(self, word: str) -> tuple[Option, str | None] | None:
        """Return the option that a word is, and its value: None if it takes none, or if that is the next word."""
        option = self._exact.get(word)
        if option is not None:
            return option, "" if option.takes is Takes.REST else None
        name, equals, value = word.partition("=")
        option = self._exact.get(name)
        if equals and option is not None and option.takes in (Takes.EQUALS, Takes.MAYBE):
            return option, value
        for option in self._joined:  # the longest spelling first
            if word.startswith(option.name):
                return option, word[len(option.name) :]
        return None


PLACED = "code lies where there is room; no script or address places sections"
NO_FILE = "uruk run makes a running program, no file"
"""Reasons of refusals."""
PASSED_ON: tuple[Row, ...] = (
    ("-l", Takes.EITHER, Meaning.LIBRARY),
    ("-L", Takes.EITHER, Meaning.DIRECTORY),
    ("-R", Takes.EITHER, Meaning.RPATH),
    ("-u", Takes.EITHER, Meaning.UNDEFINED),
    ("-e", Takes.EITHER, Meaning.ENTRY),
    ("-z", Takes.EITHER, Meaning.KEYWORD),
)
"""Options that a driver gives to its linker as they are; both read them alike."""

NEXT_WORD = frozenset({Takes.WORD, Takes.EITHER, Takes.EQUALS})
"""The options that may have its value in the next word."""
