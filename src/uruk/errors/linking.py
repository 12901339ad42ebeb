"""Errors of links: objects are well-formed, but cannot be linked together."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.errors.base import UrukError, some_of


class LinkError(UrukError):
    """Well-formed objects that cannot be linked together."""


class Undefined:
    """One undefined name: the place that needs it (``main.o:(.text+0x1c)``), how often, and a hint if there is one."""

    # No dataclass: `dataclasses` imports a compiler's modules, a third of the start of a command without numpy.
    def __init__(self, name: str, demangled: str, places: tuple[str, ...], count: int, hint: str = "") -> None:
        self.name = name
        self.demangled = demangled
        self.places = places
        self.count = count
        self.hint = hint

    def with_hint(self, hint: str) -> Undefined:
        """Return the same with another hint."""
        return Undefined(self.name, self.demangled, self.places, self.count, hint)

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, Undefined) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        return f"Undefined({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"


class UndefinedSymbols(LinkError):
    """All names that nothing defines, each with the places that need it; those with one hint are grouped."""

    def __init__(self, symbols: Sequence[Undefined]) -> None:
        self.symbols = tuple(symbols)
        super().__init__(self.symbols)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        left = count = len(self.symbols)
        if count == 1:
            return f"undefined symbol: {_undefined_line(self.symbols)}"
        lines = [f"{count} undefined symbols:"]
        for group in _by_hint(self.symbols)[:_SHOWN_LINES]:
            lines.append(f"  {_undefined_line(group)}")
            left -= len(group)
        if left:
            lines.append(f"  and {left} more")
        return "\n".join(lines)


_SHOWN_LINES = 50

_SHOWN_SIZE = 80
"""Characters of a name that stands beside others."""


def _by_hint(symbols: Sequence[Undefined]) -> list[list[Undefined]]:
    """Return symbols that share a hint together, at the first one's place; those without one stay alone."""
    groups: dict[object, list[Undefined]] = {}
    for row, symbol in enumerate(symbols):
        groups.setdefault(symbol.hint or row, []).append(symbol)
    return list(groups.values())


def _undefined_line(group: Sequence[Undefined]) -> str:
    """Return the names of a group, the places that need them, and the hint that they share."""
    first = group[0]
    if len(group) > 1:
        texts = [symbol.demangled for symbol in group[:3]]
        names = some_of(
            [text[:_SHOWN_SIZE] + "..." * (len(text) > _SHOWN_SIZE) for text in texts] + [""] * (len(group) - 3)
        )
    else:
        names = first.demangled if first.demangled == first.name else f"{first.demangled}  ({first.name})"
    place = next((symbol.places[0] for symbol in group if symbol.places), "")
    need = f"  needed by {place}" if place else " (requested by lookup)"
    more = sum(symbol.count for symbol in group) - 1
    if more > 0:
        need += f", and {more} more place{'s' if more != 1 else ''}"
    return f"{names}{need}" + (f"; {first.hint}" if first.hint else "")


class DuplicateDefinition(LinkError):
    """Two strong definitions of one name; `first` and `second` name the files, `problem` why they may not be one."""

    def __init__(self, name: str, first: str, second: str, more: int = 0, problem: str = "") -> None:
        self.name = name
        self.first = first
        self.second = second
        self.more = more
        self.problem = problem
        super().__init__(name, first, second, more, problem)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        text = f"`{self.name}' is defined twice: in {self.first} and in {self.second}"
        text += f": {self.problem}" if self.problem else ""
        return text + (f" (and {self.more} more duplicate definitions)" if self.more else "")


class OutOfRange(LinkError):
    """A relocation whose value does not fit its field.

    `place` is ``file:(section+0xoffset)``; `kind` the edge kind; `value` what was to be written, outside the half-open
    interval [`low`, `high`), or no multiple of `align`; `formula` and `letters` (S, A, P, ...) say how it came about;
    `hint` what to do. `target` is the symbol's address, and `address` that of the field.
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
        align: int = 1,
        target: int = 0,
        address: int = 0,
    ) -> None:
        self.place = place
        self.kind = kind
        self.target = target
        self.address = address
        self.symbol = symbol
        self.value = value
        self.low = low
        self.high = high
        self.formula = formula
        self.letters = letters
        self.hint = hint
        self.more = more
        self.align = align
        super().__init__(place, kind, symbol, value, low, high, formula, letters, hint, more, align, target, address)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        formula = f" ({self.formula})" if self.formula else ""
        problem = f"not in [{self.low:#x}, {self.high:#x})"
        if self.low <= self.value < self.high:
            problem = f"no multiple of {self.align}"
        lines = [
            f"{self.place}: {self.kind} to `{self.symbol}' is out of range",
            f"  value {self.value:#x}{formula} is {problem}",
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

    def describe(self) -> str:
        """See `UrukError.describe`."""
        text = f"{self.place}: relocation {self.relocation}: {self.problem}"
        return text + (f"\n  hint: {self.hint}" if self.hint else "")


class TLSError(LinkError):
    """Thread-local storage that cannot be had; `hint` says what to do.

    `static_tls` is the value of ``glibc.rtld.optional_static_tls`` with which it could, in bytes; 0 if none would do.
    `variable` is a library's thread-local that could have it if it were bound before anything uses it; empty if none.
    """

    def __init__(self, what: str, problem: str, hint: str = "", static_tls: int = 0) -> None:
        self.what = what
        self.problem = problem
        self.hint = hint
        self.static_tls = static_tls
        self.variable = b""
        super().__init__(what, problem, hint, static_tls)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.what}: {self.problem}" + (f"\n  hint: {self.hint}" if self.hint else "")


class AliasCycle(LinkError):
    """Aliases whose targets are aliases of each other; `names` are those of the cycle, in order."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(self.names)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"alias cycle: {' -> '.join(self.names)}"


class PassError(LinkError):
    """A plug-in that raised in the middle of a link, which was given up; what it raised is the ``__cause__``.

    `point` is where in the link (see `uruk.passes.steps`), `plugin` the callable's name, `problem` what it raised.
    """

    def __init__(self, point: str, plugin: str, problem: str) -> None:
        self.point = point
        self.plugin = plugin
        self.problem = problem
        super().__init__(point, plugin, problem)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.plugin}, a pass {_at(self.point)}, raised {self.problem}; nothing of this link was kept"


def _at(point: str) -> str:
    return f"`{point}'" if point.startswith(("before ", "after ")) else f"at {point}"
