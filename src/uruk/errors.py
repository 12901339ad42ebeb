"""Every error that uruk raises.

    UrukError
      ObjectFormatError        bytes that are not what they claim to be
      LinkError                objects are well-formed, but do not link
        UndefinedSymbols       names that nothing defines
        DuplicateDefinition    two strong definitions of one name
        OutOfRange             a value does not fit its field
        UnsupportedRelocation  a relocation type, or its use, that uruk does not know
        TLSError               thread-local storage that cannot be had
        PassError              a plug-in of the link that raised something else
      LibraryNotFound          -l NAME, or a path, that is not there
      LibraryError             the dynamic loader refused a library
      AllocationError          memory that cannot be reserved or protected
      InUse                    removing code that other code refers to
      SessionClosed            use after close()
      InternalError            a bug in uruk: please report it

Each class carries its facts as attributes; the text is made from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class UrukError(Exception):
    """Base of every error that uruk raises."""


class ObjectFormatError(UrukError):
    """Bytes of an object, archive or library that contradict their format.

    `file` names the input (``libz.a(inflate.o)`` for an archive member), `structure` the part that is wrong
    (``section header 7``), `offset` its place in the file in bytes (None where there is none).
    """

    def __init__(self, file: str, structure: str, problem: str, offset: int | None = None) -> None:
        self.file = file
        self.structure = structure
        self.problem = problem
        self.offset = offset
        super().__init__(file, structure, problem, offset)

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at offset {self.offset:#x}"
        return f"{self.file}: {self.structure}{where}: {self.problem}"


class LinkError(UrukError):
    """Well-formed objects that cannot be linked together."""


@dataclass(frozen=True)
class Undefined:
    """One undefined name: who needs it (``main.o:(.text+0x1c)``), how often, and a hint where uruk has one."""

    name: str
    demangled: str
    places: tuple[str, ...]
    count: int
    hint: str = ""


class UndefinedSymbols(LinkError):
    """Names that nothing defines; all of them, grouped, each with who needs it."""

    def __init__(self, symbols: Sequence[Undefined]) -> None:
        self.symbols = tuple(symbols)
        super().__init__(self.symbols)

    def __str__(self) -> str:
        count = len(self.symbols)
        lines = [f"{count} symbol{'s' if count != 1 else ''} that nothing defines:"]
        shown = self.symbols[:50]
        for symbol in shown:
            name = symbol.demangled if symbol.demangled == symbol.name else f"{symbol.demangled}  ({symbol.name})"
            need = f"needed by {symbol.places[0]}" if symbol.places else "looked up"
            if symbol.count > 1:
                more = symbol.count - 1
                need += f", and {more} more place{'s' if more != 1 else ''}"
            lines.append(f"  {name}  {need}" + (f"; {symbol.hint}" if symbol.hint else ""))
        if count > len(shown):
            lines.append(f"  and {count - len(shown)} more")
        return "\n".join(lines)


class DuplicateDefinition(LinkError):
    """Two strong definitions of one name; `first` and `second` name the files."""

    def __init__(self, name: str, first: str, second: str, more: int = 0) -> None:
        self.name = name
        self.first = first
        self.second = second
        self.more = more
        super().__init__(name, first, second, more)

    def __str__(self) -> str:
        text = f"`{self.name}' is defined twice: in {self.first} and in {self.second}"
        return text + (f" (and {self.more} more duplicate definitions)" if self.more else "")


class OutOfRange(LinkError):
    """A relocation whose value does not fit its field.

    `place` is ``file:(section+0xoffset)``; `kind` the edge kind; `value` what was to be written, outside the half-open
    interval [`low`, `high`); `formula` and `letters` (S, A, P, ...) say how it came about; `hint` what to do.
    """

    def __init__(
        self,
        place: str,
        kind: str,
        symbol: str,
        value: int,
        low: int,
        high: int,
        formula: str = "",
        letters: str = "",
        hint: str = "",
        more: int = 0,
    ) -> None:
        self.place = place
        self.kind = kind
        self.symbol = symbol
        self.value = value
        self.low = low
        self.high = high
        self.formula = formula
        self.letters = letters
        self.hint = hint
        self.more = more
        super().__init__(place, kind, symbol, value, low, high, formula, letters, hint, more)

    def __str__(self) -> str:
        formula = f" ({self.formula})" if self.formula else ""
        lines = [
            f"{self.place}: {self.kind} to `{self.symbol}' is out of range",
            f"  value {self.value:#x}{formula} is not in [{self.low:#x}, {self.high:#x})",
        ]
        if self.letters:
            lines.append(f"  {self.letters}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        if self.more:
            lines.append(f"  and {self.more} more places out of range")
        return "\n".join(lines)


class UnsupportedRelocation(LinkError):
    """A relocation that uruk does not know, or on an instruction that it does not fit."""

    def __init__(self, place: str, relocation: str, problem: str, hint: str = "") -> None:
        self.place = place
        self.relocation = relocation
        self.problem = problem
        self.hint = hint
        super().__init__(place, relocation, problem, hint)

    def __str__(self) -> str:
        text = f"{self.place}: relocation {self.relocation}: {self.problem}"
        return text + (f"\n  hint: {self.hint}" if self.hint else "")


class TLSError(LinkError):
    """Thread-local storage that cannot be had; `hint` says what to do.

    `static_tls` is the value of ``glibc.rtld.optional_static_tls`` with which it could, in bytes; 0 if none would do.
    """

    def __init__(self, what: str, problem: str, hint: str = "", static_tls: int = 0) -> None:
        self.what = what
        self.problem = problem
        self.hint = hint
        self.static_tls = static_tls
        super().__init__(what, problem, hint, static_tls)

    def __str__(self) -> str:
        return f"{self.what}: {self.problem}" + (f"\n  hint: {self.hint}" if self.hint else "")


class PassError(LinkError):
    """A plug-in that raised in the middle of a link, which was given up; what it raised is the ``__cause__``.

    `point` is where in the link (see `uruk.passes.points`), `plugin` the callable's name, `problem` what it raised.
    """

    def __init__(self, point: str, plugin: str, problem: str) -> None:
        self.point = point
        self.plugin = plugin
        self.problem = problem
        super().__init__(point, plugin, problem)

    def __str__(self) -> str:
        return f"{self.plugin}, a pass {_at(self.point)}, raised {self.problem}; nothing of this link was kept"


def _at(point: str) -> str:
    return f"`{point}'" if point.startswith(("before ", "after ")) else f"at {point}"


class LibraryNotFound(UrukError):
    """A library that is in none of the places searched."""

    def __init__(self, name: str, searched: Sequence[str]) -> None:
        self.name = name
        self.searched = tuple(searched)
        super().__init__(name, self.searched)

    def __str__(self) -> str:
        return f"no library `{self.name}'; searched {', '.join(self.searched) or 'nowhere'}; add its directory with -L"


class LibraryError(UrukError):
    """A shared library that the dynamic loader refused."""

    def __init__(self, library: str, problem: str) -> None:
        self.library = library
        self.problem = problem
        super().__init__(library, problem)

    def __str__(self) -> str:
        return f"{self.library}: {self.problem}"


class AllocationError(UrukError):
    """Memory that cannot be reserved, protected or placed."""


class InUse(UrukError):
    """Code that cannot be removed because other code refers to it; `users` names who."""

    def __init__(self, what: str, users: Sequence[str]) -> None:
        self.what = what
        self.users = tuple(users)
        super().__init__(what, self.users)

    def __str__(self) -> str:
        return f"{self.what} is in use by {', '.join(self.users)}; remove that first, or force it"


class SessionClosed(UrukError):
    """A session, tracker or executor that was used after it was closed."""


class InternalError(UrukError):
    """uruk broke one of its own invariants; this is a bug, please report it with the input."""
