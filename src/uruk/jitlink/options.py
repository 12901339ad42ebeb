"""The command line of `llvm-jitlink`, read as LLVM's command-line library reads it.

One or two dashes are the same, options and inputs come in any order, the last of single values wins, and options may
repeat. Places count: an input belongs to the last ``-jd`` before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from uruk.cli.response_files import expand
from uruk.cli.usage import UsageError
from uruk.jitlink.option_table import BY_NAME, PREFIXES, Option, Takes
from uruk.named_tuples import NamedTuple

_TRUE = frozenset(("", "true", "TRUE", "True", "1"))
_FALSE = frozenset(("false", "FALSE", "False", "0"))
NO_INPUT = (
    "Not enough positional command line arguments specified!\n"
    "Must specify at least 1 positional argument: See: llvm-jitlink --help"
)


class Placed(NamedTuple):
    """A word and its place on the command line."""

    place: int
    text: str


class OptionErrors(Exception):
    """The problems of a command line, a line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class CommandLine:
    """The words of a command line, sorted: inputs, and the values of each option."""

    def __init__(self) -> None:
        self.inputs: list[Placed] = []
        self.values: dict[str, list[Placed]] = {}

    def all(self, name: str) -> list[Placed]:
        """Return every value of an option that may repeat, in order."""
        return self.values.get(name, [])

    def last(self, name: str, default: str = "") -> str:
        """Return the value of an option, the last one if it was given several times."""
        values = self.values.get(name)
        return values[-1].text if values else default

    def given(self, name: str) -> bool:
        """Return True if an option was given, with whatever value."""
        return name in self.values

    def is_on(self, name: str) -> bool:
        """Return True if a flag is set."""
        return self.given(name) and is_true(self.last(name))

    def texts(self, name: str) -> list[str]:
        """Return every value of an option, without places."""
        return [value.text for value in self.all(name)]


def parse(words: Sequence[str]) -> CommandLine:
    """Read a command line. Raises OptionErrors with all that is wrong with it."""
    reader = _Reader()
    try:
        reader.read(list(expand(words)))
    except UsageError as error:
        reader.problems.append(str(error))
    line = reader.line
    help_wanted = any(line.given(name) for name in ("help", "h", "help-hidden", "help-list", "version"))
    if not line.inputs and not help_wanted and not line.last("symbolicate-with"):
        reader.problems.append(NO_INPUT)
    # Help is printed for a line without inputs, but not for one with a mistake in it.
    if reader.problems and not (help_wanted and reader.problems == [NO_INPUT]):
        raise OptionErrors(reader.problems)
    return line


def is_true(value: str) -> bool:
    """Return whether a value of a flag switches it on."""
    return value not in _FALSE


class _Reader:
    """Sorts words; `problems` has what is wrong with them."""

    def __init__(self) -> None:
        self.line = CommandLine()
        self.problems: list[str] = []

    def read(self, words: list[str]) -> None:
        """Sort the words of a command line, without the program's name."""
        place, dashes = 0, False
        harness = False
        while place < len(words):
            word = words[place]
            if word == "--" and not dashes:
                dashes = True
            elif dashes or not word.startswith("-") or word == "-":
                self._add("harness" if harness else "", place, word)
            else:
                harness = False
                option, value = _split(word)
                if option is None:
                    self._refuse(word)
                elif option.name == "args":
                    self.line.values.setdefault("args", []).extend(
                        Placed(place + 1 + number, text) for number, text in enumerate(words[place + 1 :])
                    )
                    return
                elif option.name == "harness":
                    # The files behind `-harness`, up to the next option, are its own (LLVM's cl::PositionalEatsArgs).
                    harness = True
                    self.line.values.setdefault("harness", [])
                else:
                    place += self._take(option, value, place, words)
            place += 1

    def _add(self, name: str, place: int, word: str) -> None:
        if name:
            self.line.values.setdefault(name, []).append(Placed(place, word))
        else:
            self.line.inputs.append(Placed(place, word))

    def _take(self, option: Option, value: str | None, place: int, words: list[str]) -> int:
        """Note an option; returns the number of further words that it took."""
        taken = 0
        if option.takes is Takes.NOTHING:
            value = value or ""
            if value not in _TRUE and value not in _FALSE:
                self._complain(option, f"'{value}' is invalid value for boolean argument! Try 0 or 1")
                return 0
        elif option.takes is Takes.MAYBE:
            value = value or ""
        elif value is None:
            if place + 1 >= len(words):
                self._complain(option, "requires a value!")
                return 0
            value, taken = words[place + 1], 1
        # Numbers are checked while the line is read: LLVM reports them together with unknown options.
        if option.shown in ("<ulong>", "<uint>") and number(value) is None:
            self._complain(option, f"'{value}' value invalid for {option.shown[1:-1]} argument!")
            return taken
        if option.choices and value not in option.choices:
            self._complain(option, f"Cannot find option named '{value}'!")
            return taken
        self.line.values.setdefault(option.name, []).append(Placed(place, value))
        return taken

    def _complain(self, option: Option, problem: str) -> None:
        dashes = "-" if len(option.name) == 1 else "--"
        self.problems.append(f"for the {dashes}{option.name} option: {problem}")

    def _refuse(self, word: str) -> None:
        self.problems.append(f"Unknown command line argument '{word}'.  Try: 'llvm-jitlink --help'")
        name = word.lstrip("-").partition("=")[0]
        from difflib import get_close_matches  # most command lines have no mistake

        # LLVM's library suggests the nearest name however far it is, so that the cutoff is 0.
        close = get_close_matches(name, BY_NAME, 1, 0.0)
        if close:
            dashes = "-" if len(close[0]) == 1 else "--"
            self.problems.append(f"Did you mean '{dashes}{close[0]}'?")


def _split(word: str) -> tuple[Option | None, str | None]:
    """Return the option that a word names, and the value that is joined to it."""
    body = word[2:] if word.startswith("--") else word[1:]
    name, equals, value = body.partition("=")
    # Whole names come first: `-load_hidden` is no `-l` with the value `oad_hidden`.
    if name in BY_NAME:
        return BY_NAME[name], value if equals else None
    for prefix in PREFIXES:
        if body.startswith(prefix):
            return BY_NAME[prefix], body[len(prefix) :]
    return None, None


def number(text: str) -> int | None:
    """Return an unsigned 64-bit number, in the base that ``0x``, ``0b``, ``0o`` or ``0`` says; None for no number."""
    digits, base = text, 10
    # `0` alone stands last in this tuple: the other prefixes begin with it. A lone zero is decimal.
    for prefix, radix in (("0x", 16), ("0b", 2), ("0o", 8), ("0", 8)):
        if text[: len(prefix)].lower() == prefix and len(text) > len(prefix):
            digits, base = text[len(prefix) :], radix
            break
    # Python's int() takes signs, blanks, underscores and digits of other scripts, which LLVM refuses.
    if not digits.isascii() or not digits.isalnum():
        return None
    try:
        value = int(digits, base)
    except ValueError:
        return None
    return value if value < 1 << 64 else None
