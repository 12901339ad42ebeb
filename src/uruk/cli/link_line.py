"""Reading a link line: words for a compiler's driver, and those among them that are for the linker, into a plan."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

from uruk.cli import linker_options
from uruk.cli.driver_options import DRIVER
from uruk.cli.options import NEXT_WORD, PLACED, Meaning, Option, Takes
from uruk.cli.response_files import expand
from uruk.cli.usage import UsageError
from uruk.errors import ObjectFormatError
from uruk.program.link_plan import LinkPlan

_START_FILE = re.compile(r"[A-Zg]?r?crt1\.o|crt[in]\.o|(?:clang_rt\.)?crt(?:begin|end)[\w-]*\.o")
"""Files that gcc and clang put before and behind the objects (gcc's specs, `*startfile` and `*endfile`)."""
_FILE_NAME = re.compile(r".+\.(?:o|obj|a|so(?:\.\d+)*)", re.IGNORECASE)
"""Not VALUE.dll: linkers find libVALUE.dll.a for it, as import libraries are called."""
_TERM = re.compile(
    r"\s*(?P<sign>[+-]?)\s*(?:(?P<number>0[xX][\da-fA-F]+|\d+)|(?P<name>[A-Za-z_.$][\w.$@]*))\s*", re.ASCII
)
"""A number or a symbol of a sum, with the sign before it."""
_NO_CHANGE = {
    ("-x", "none"),
    *((option, name) for option in ("-b", "format") for name in ("default", "elf64-x86-64", "elf64-littleaarch64")),
}
"""Options that are refused, with a value that says what holds here."""


class LinkLine:
    """Fills `plan`; flags for the compiler come to `flags`."""

    def __init__(self, plan: LinkPlan, flags: list[str]) -> None:
        self.plan = plan
        self.flags = flags
        self._open: tuple[Option, str] | None = None
        """An option for the linker whose value is its next word, wherever that stands, and how it was written."""

    def read(self, word: str, rest: Iterator[str]) -> bool:
        """Take a word of the driver's, and what belongs to it from `rest`; False for an unknown one.

        Raises UsageError.
        """
        match = DRIVER.find(word)
        if match is None:
            match = linker_options.find(word) if word.startswith("--") else None
        if match is None:
            return False
        option, value = match
        if (value is None and option.takes in NEXT_WORD) or (value == "" and option.takes is Takes.EITHER):
            value = next(rest, None)
            if value is None:
                raise UsageError(f"{word} wants a value")
        self._driver(option, word, value)
        return True

    def read_for_linker(self, word: str) -> None:
        """Take a word of a line that begins with the linker itself. Raises UsageError.

        Start files do what is done here already; without them the program begins with a ``_start`` of its own.
        """
        if self._open is None and _START_FILE.fullmatch(os.path.basename(word)):
            self.plan.starts_itself &= not os.path.basename(word).endswith("crt1.o")
        else:
            self._linker(word)

    def finish(self) -> None:
        """Note the line's end. Raises UsageError if the linker still waits for a value."""
        if self._open is not None:
            raise UsageError(f"{self._open[1]} wants a value")
        self.plan.settle()

    def _driver(self, option: Option, word: str, value: str | None) -> None:
        if option.meaning is Meaning.LINKER:
            for inner in (value or "").split(",") if word.startswith("-Wl,") else [value or ""]:
                for expanded in expand([inner]):
                    self._linker(expanded)
        elif option.meaning is Meaning.COMPILER:
            self._for_compiler(option, word, value)
        elif option.meaning is Meaning.LANGUAGE_LIBRARY:
            self.flags.append(word)
            self.plan.cxx_library = "c++" if value == "libc++" else "stdc++"
        elif option.meaning is Meaning.RUNTIME:
            self.flags.append(word)
            self.plan.runtimes.append(word)
        else:
            self._apply(option, word, value or "")

    def _for_compiler(self, option: Option, word: str, value: str | None) -> None:
        if value is None or option.takes is Takes.REST:
            self.flags.append(word)
        elif option.takes is Takes.EITHER:
            self.flags.append(option.name + value)
        else:
            self.flags += [option.name, value]

    def _linker(self, word: str) -> None:
        """Take one word of the linker's own line."""
        if self._open is not None:
            (option, written), self._open = self._open, None
            self._apply(option, written, word)
        elif not word.startswith("-") or word == "-":
            self.plan.add("input", word)
        else:
            match = linker_options.find(word)
            if match is None:
                raise UsageError(f"unknown option of the linker {word}")
            option, value = match
            if (value is None and option.takes in NEXT_WORD) or (value == "" and option.takes is Takes.EITHER):
                self._open = option, word
            else:
                self._apply(option, word, value or "")

    def _apply(self, option: Option, word: str, value: str) -> None:
        if option.meaning is Meaning.REFUSED and (option.name, value) not in _NO_CHANGE:
            raise UsageError(f"{word} cannot be honoured: {option.why}")
        if action := _STATES.get(option.meaning):
            action(self.plan)
        elif action := _VALUES.get(option.meaning):
            action(self.plan, value)


def _library(plan: LinkPlan, value: str) -> None:
    """Take the name of a library, which is no file's: linkers look for libVALUE.so and libVALUE.a, and for no other.

    Raises UsageError.
    """
    if not value.startswith(":") and ("/" in value or _FILE_NAME.fullmatch(value)):
        file = os.path.basename(value)
        raise UsageError(
            f"-l {value} names a library in a file lib{value}.so or lib{value}.a, as for gcc: give the file {value} "
            f"without -l, or -l:{file} for one in a directory of -L"
        )
    plan.add("library", value)


def _script(plan: LinkPlan, value: str) -> None:
    """Take a linker script that names inputs. Raises UsageError for one that does more, and for an address."""
    from uruk.libraries.search import check_script  # few lines have one

    if not os.path.isfile(value):
        raise UsageError(f"-T cannot be honoured: {PLACED}, and {value} is no file")
    try:
        check_script(value)
    except ObjectFormatError as error:
        raise UsageError(f"-T cannot be honoured but for inputs: {error}") from None
    plan.add("input", value)


def _rpath(plan: LinkPlan, value: str) -> None:
    if os.path.isfile(value):
        raise UsageError(f"-R {value} cannot be honoured: addresses of another program file mean nothing here")
    plan.rpath += [folder for folder in value.split(":") if folder and folder not in plan.rpath]


def _defsym(plan: LinkPlan, value: str) -> None:
    """Take NAME=SUM, a sum of numbers and at most one symbol. Raises UsageError for what else ld takes."""
    name, equals, text = value.partition("=")
    name = name.strip()
    terms = _terms(text) if name and equals else []
    others = [(sign, other) for sign, _, other in terms if other]
    if not terms or len(others) > 1 or any(sign == "-" for sign, _ in others):
        raise UsageError(f"--defsym wants NAME=SUM, of numbers and at most one symbol (+), not `{value}'")
    offset = sum(-_whole(number) if sign == "-" else _whole(number) for sign, number, _ in terms if number)
    if others:
        plan.aliases.append((name, others[0][1], offset))
    else:
        plan.defines.append((name, offset & (1 << 64) - 1))


def _terms(text: str) -> list[tuple[str, str, str]]:
    """Return sign, number and symbol of each term of a sum, one of the two last empty; none for what is no sum."""
    terms: list[tuple[str, str, str]] = []
    at = 0
    while at < len(text):
        match = _TERM.match(text, at)
        if not match or (terms and not match["sign"]):
            return []
        terms.append((match["sign"], match["number"] or "", match["name"] or ""))
        at = match.end()
    return terms


def _whole(text: str) -> int:
    """Return a number as ld writes it: a leading 0 makes it octal."""
    if text[:2] in ("0x", "0X"):
        return int(text, 16)
    try:
        return int(text, 8 if text[0] == "0" else 10)
    except ValueError:
        raise UsageError(f"`{text}' is not a number") from None


def _keyword(_: LinkPlan, value: str) -> None:
    if why := linker_options.KEYWORDS.get(value):
        raise UsageError(f"-z {value} cannot be honoured: {why}")


def _entry(plan: LinkPlan, value: str) -> None:
    plan.entry = value


def _output(plan: LinkPlan, value: str) -> None:
    plan.output = value


def _pop(plan: LinkPlan) -> None:
    if not plan.pop():
        raise UsageError("--pop-state without --push-state")


def _unresolved(plan: LinkPlan, value: str) -> None:
    plan.phony = value in ("ignore-all", "ignore-in-object-files")


def _setter(name: str, value: bool) -> Callable[[LinkPlan], None]:
    def set_it(plan: LinkPlan) -> None:
        setattr(plan, name, value)

    return set_it


def _no_standard(plan: LinkPlan) -> None:
    plan.starts_itself, plan.default_libraries = True, False


_STATES: dict[Meaning, Callable[[LinkPlan], None]] = {
    Meaning.STATIC: lambda plan: plan.set_static(True),
    Meaning.DYNAMIC: lambda plan: plan.set_static(False),
    Meaning.AS_NEEDED: lambda plan: plan.set_as_needed(True),
    Meaning.NO_AS_NEEDED: lambda plan: plan.set_as_needed(False),
    Meaning.WHOLE_ARCHIVE: lambda plan: plan.set_whole(True),
    Meaning.NO_WHOLE_ARCHIVE: lambda plan: plan.set_whole(False),
    Meaning.PUSH_STATE: LinkPlan.push,
    Meaning.POP_STATE: _pop,
    Meaning.INHERITED_RPATH: _setter("rpath_is_inherited", True),
    Meaning.OWN_RPATH: _setter("rpath_is_inherited", False),
    Meaning.EXPORT: _setter("rdynamic", True),
    Meaning.GC_SECTIONS: _setter("prune", True),
    Meaning.NO_GC_SECTIONS: _setter("prune", False),
    Meaning.NO_START_FILES: _setter("starts_itself", True),
    Meaning.NO_DEFAULT_LIBRARIES: _setter("default_libraries", False),
    Meaning.NO_STANDARD: _no_standard,
    Meaning.ALL_STATIC: _setter("all_static", True),
    Meaning.STATIC_CXX: _setter("static_cxx", True),
}
_VALUES: dict[Meaning, Callable[[LinkPlan, str], None]] = {
    Meaning.LIBRARY: _library,
    Meaning.DIRECTORY: lambda plan, value: plan.directories.append(value),
    Meaning.UNDEFINED: lambda plan, value: plan.undefined.append(value),
    Meaning.WRAP: lambda plan, value: plan.wrapped.append(value),
    Meaning.RPATH: _rpath,
    Meaning.DEFSYM: _defsym,
    Meaning.SCRIPT: _script,
    Meaning.KEYWORD: _keyword,
    Meaning.ENTRY: _entry,
    Meaning.OUTPUT: _output,
    Meaning.UNRESOLVED: _unresolved,
}
