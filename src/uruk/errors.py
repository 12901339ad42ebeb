"""Every error that uruk raises.

    UrukError
      InvalidValue             an argument whose value makes no sense; a ValueError, too
      InvalidType              an argument of the wrong type; a TypeError, too
      ObjectFormatError        malformed bytes
        InputNotFound          a file that is not there; a FileNotFoundError, too
      LinkError                objects are well-formed, but do not link
        UndefinedSymbols       names that nothing defines
        DuplicateDefinition    two strong definitions of one name
        OutOfRange             a value does not fit its field
        UnsupportedRelocation  a relocation type, or its use, that uruk does not know
        TLSError               thread-local storage that cannot be had
        AliasCycle             aliases of each other
        PassError              a plug-in of the link that raised something else
      MaterializationError     a materialization unit or a generator that failed
        WrongDefinitions       a unit that delivered other symbols than it had announced
      MaterializationCycle     a unit or generator that needs what only it can make
      LookupTimeout            a lookup that took longer than it was given; a TimeoutError, too
      LibraryNotFound          -l NAME, or a path, that is not there; a FileNotFoundError, too
      LibraryError             the dynamic loader refused a library
      AllocationError          memory that cannot be reserved or protected
      InUse                    removing code that other code refers to
      RemovedCode              a call into code that was removed all the same
      SessionClosed            use after close()
      ExecutorError            what the process that runs the code could not do
        ExecutorTimeout        a call that took longer than it was given; a TimeoutError, too
        ExecutorLost           the process is gone, or its connection is
          ExecutorCrashed      it was ended by a signal
          ProtocolError        it sent what is not a message
      UnknownTarget            a target that uruk has nothing for; a ValueError, too
      CompilerNotFound         no compiler for a source; a FileNotFoundError, too
      CompileError             a compiler refused a source, or was stopped
      InternalError            a bug in uruk: please report it

Each class carries its facts as attributes; the text is made from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass


class CompilerWarning(UserWarning):
    """A warning of a compiler while it compiled a source."""


def some_of(names: Sequence[str], shown: int = 3) -> str:
    """Return the first names of many, for an error's text: ``a, b, c and 4 more``."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")


class UrukError(Exception):
    """Base of every error that uruk raises.

    A failed lookup raises its first cause. `poisoned` names what could not be linked because of it, `others` are
    further causes that have nothing to do with it.
    """

    poisoned: tuple[str, ...] = ()
    others: tuple[UrukError, ...] = ()

    def describe(self) -> str:
        """Return what went wrong, without what followed from it."""
        return super().__str__()

    def __str__(self) -> str:
        lines = [self.describe()]
        if self.poisoned:
            shown = ", ".join(self.poisoned[:3])
            more = len(self.poisoned) - 3
            lines.append(f"  not linked because of this: {shown}" + (f", and {more} more" if more > 0 else ""))
        lines += [f"also: {error.describe()}" for error in self.others[:10]]
        if len(self.others) > 10:
            lines.append(f"and {len(self.others) - 10} more errors")
        return "\n".join(lines)


class InvalidValue(UrukError, ValueError):
    """An argument whose value makes no sense; the text says which, and what would."""


class InvalidType(UrukError, TypeError):
    """An argument of a type that cannot be taken; the text says which, and what can."""


_WHOLE_FILE = "file"
"""The structure of errors about a file as a whole, which their texts need not name."""


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

    def describe(self) -> str:
        """See `UrukError.describe`."""
        where = "" if self.offset is None else f" at offset {self.offset:#x}"
        part = "" if self.structure == _WHOLE_FILE else f" {self.structure}{where}:"
        return f"{self.file}:{part} {self.problem}"


class InputNotFound(ObjectFormatError, FileNotFoundError):
    """An object, archive or library whose file is not there."""


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
    """Return the names of a group, who needs them, and the hint that they share."""
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
    `hint` what to do.
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
        self.align = align
        super().__init__(place, kind, symbol, value, low, high, formula, letters, hint, more, align)

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


class MaterializationError(UrukError):
    """A materialization unit, or a generator, that failed.

    `what` says which, `symbols` what it was to deliver, `problem` what it said; `__cause__` is its own exception.
    """

    def __init__(self, what: str, symbols: Sequence[str], problem: str) -> None:
        self.what = what
        self.symbols = tuple(symbols)
        self.problem = problem
        super().__init__(what, self.symbols, problem)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.what}, asked for {some_of(self.symbols)}: {self.problem}"


class WrongDefinitions(MaterializationError):
    """A unit that did not deliver the symbols that it had announced: a bug of the unit.

    `missing` symbols were announced, but not delivered; `unexpected` ones were delivered, but not announced.
    """

    def __init__(self, what: str, missing: Sequence[str], unexpected: Sequence[str]) -> None:
        self.missing = tuple(missing)
        self.unexpected = tuple(unexpected)
        parts = [f"it announced {some_of(self.missing)}, but did not deliver it"] if missing else []
        parts += [f"it delivered {some_of(self.unexpected)}, which it had not announced"] if unexpected else []
        super().__init__(what, self.missing or self.unexpected, "; ".join(parts))
        self.args = (what, self.missing, self.unexpected)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.what}: {self.problem}: a bug in that unit"


class MaterializationCycle(UrukError):
    """A unit or generator that waits for itself;

    `steps` are the tasks of the cycle, each of which waits for the next.
    """

    def __init__(self, steps: Sequence[str]) -> None:
        self.steps = tuple(steps)
        super().__init__(self.steps)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"materialization cycle: {' -> '.join(self.steps)}"


class LookupTimeout(UrukError, TimeoutError):
    """A lookup that was not done in its time; `doing` says of each unfinished piece of work where it is."""

    def __init__(self, what: str, doing: Sequence[str]) -> None:
        self.what = what
        self.doing = tuple(doing)
        super().__init__(what, self.doing)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return "\n  ".join([f"{self.what}: not done in time; waiting for", *self.doing])


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


class LibraryNotFound(UrukError, FileNotFoundError):
    """A library that is in none of the places searched."""

    def __init__(self, name: str, searched: Sequence[str]) -> None:
        self.name = name
        self.searched = tuple(searched)
        super().__init__(name, self.searched)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"no library `{self.name}'; searched {', '.join(self.searched) or 'nowhere'}; add its directory with -L"


_UNDEFINED = "undefined symbol: "  # of glibc's text, which is not translated before a program has set its locale
_NO_FILE = ": cannot open shared object file"


class LibraryError(UrukError):
    """A shared library that the dynamic loader refused; `hint` says what to do, where that is known."""

    def __init__(self, library: str, problem: str, hint: str = "") -> None:
        self.library = library
        self.problem = problem
        self.hint = hint
        super().__init__(library, problem, hint)

    @property
    def undefined(self) -> bytes:
        """The symbol that the library, or one that it needs, lacks; empty if that is not the problem."""
        _, separator, rest = self.problem.rpartition(_UNDEFINED)
        return rest.partition(",")[0].encode("utf-8", "surrogateescape") if separator else b""

    @property
    def lacks_file(self) -> bool:
        """True if the library needs another, of which the loader finds no file."""
        return _NO_FILE in self.problem

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.library}: {self.problem}" + (f"\n  hint: {self.hint}" if self.hint else "")


class AllocationError(UrukError):
    """Memory that cannot be reserved, protected or placed."""


class InUse(UrukError):
    """Code that cannot be removed because other code refers to it; `users` names who."""

    def __init__(self, what: str, users: Sequence[str]) -> None:
        self.what = what
        self.users = tuple(users)
        super().__init__(what, self.users)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.what} is in use by {', '.join(self.users)}; remove that first"


class RemovedCode(UrukError):
    """A call of code that was removed; `removed` names what was called, and what it came from."""

    def __init__(self, removed: str) -> None:
        self.removed = removed
        super().__init__(removed)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"code called {self.removed}, which was removed"


class SessionClosed(UrukError):
    """A session, tracker or executor that was used after it was closed."""


class ExecutorError(UrukError):
    """Something that a process that runs linked code refused or could not do; the text is the whole story."""


class ExecutorTimeout(ExecutorError, TimeoutError):
    """A call into an executor that took longer than its deadline; it may still be running there."""


class ExecutorLost(ExecutorError):
    """The executor, or the connection to it, is gone: nothing can be called there any more.

    Every call raises an error of its own. `gone`: the call came after the end, whose error is the cause of this one.
    """

    gone = False

    def again(self, *, gone: bool = False) -> ExecutorLost:
        """Return a new error of the same kind and with the same facts, for a call that has the same cause."""
        new = copy(self)
        new.gone = gone
        return new

    def __str__(self) -> str:
        text = super().__str__()
        if not self.gone:
            return text
        for name, word in (("the executor's ", "its "), ("the executor ", "it ")):
            text = word + text.removeprefix(name) if text.startswith(name) else text
        return f"the executor is gone, since {text}"


class ProtocolError(ExecutorLost):
    """An executor that sent what is not a message of the protocol; the connection was closed."""


class ExecutorCrashed(ExecutorLost):
    """An executor that a signal ended, or an exception of Windows.

    `signal` is the number of the one, `code` that of the other, and `name` what that is called; 0 if not known, as
    `address`, what was accessed, and `pc`, where. `where` says what lies at `pc`: ``symbol+0x14 (object)``. `removed`
    names what lay at the address and was removed, though code referred to it. `stack_overflow`: the stack of the thread
    was used up.
    """

    def __init__(
        self,
        signal: int,
        address: int = 0,
        pc: int = 0,
        where: str = "",
        *,
        removed: str = "",
        stack_overflow: bool = False,
        code: int = 0,
        name: str = "",
    ) -> None:
        self.signal = signal
        self.code = code
        self.name = name
        self.address = address
        self.pc = pc
        self.where = where
        self.removed = removed
        self.stack_overflow = stack_overflow
        super().__init__(signal, address, pc, where)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        name = f"{self.name} ({self.code:#x})" if self.code else self._name_of_signal()
        text = f"the executor was ended by {name}"
        if self.removed:
            text += f", as code used {self.removed}, which was removed"
            return text + (f", in {self.where}" if self.where and self.pc != self.address else "")
        if self.stack_overflow:
            text = f"the executor was ended by a stack overflow ({name})"
        if self.pc:
            at = f"{self.pc:#x}"
            text += f" in {self.where} (at {at})" if self.where else f" at {at}"
            accessed = self.signal in (7, 11) or self.code == 0xC0000005  # SIGBUS, SIGSEGV: the address is data's
            if accessed and not self.stack_overflow:
                text += f", which accessed {self.address:#x}"
        return text

    def _name_of_signal(self) -> str:
        from signal import Signals

        try:
            return Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"


class CompilerNotFound(UrukError, FileNotFoundError):
    """No compiler for a source: `language` is what it is written in, `searched` what was looked for, in order."""

    def __init__(self, language: str, searched: Sequence[str]) -> None:
        self.language = language
        self.searched = tuple(searched)
        super().__init__(language, self.searched)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        problem = f"no compiler for {self.language}; looked for {', '.join(self.searched)}"
        return (
            f"{problem}; install one (pip install ziglang is enough), or name one by CC, CXX, compiler= or --compiler"
        )


class CompileError(UrukError):
    """A source that was not compiled.

    `file` is the source as shown to people, `compiler` the command, `problem` what happened, `status` the command's
    exit status (negative for a signal, None where it did not end by itself), `diagnostics` the compiler's own text.
    """

    def __init__(
        self, file: str, compiler: str, problem: str, status: int | None = None, diagnostics: str = ""
    ) -> None:
        self.file = file
        self.compiler = compiler
        self.problem = problem
        self.status = status
        self.diagnostics = diagnostics
        super().__init__(file, compiler, problem, status, diagnostics)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        text = f"{self.file}: {self.compiler}: {self.problem}"
        return f"{text}\n{self.diagnostics.rstrip()}" if self.diagnostics.strip() else text


class UnknownTarget(UrukError, ValueError):
    """A target that uruk does not know, or cannot run code for.

    `target` is what was asked for, `targets` are those that there are.
    """

    def __init__(self, target: str, targets: Sequence[str]) -> None:
        self.target = target
        self.targets = tuple(targets)
        super().__init__(target, self.targets)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"no target `{self.target}'; there are {', '.join(self.targets)}"


class InternalError(UrukError):
    """uruk broke one of its own invariants; this is a bug, please report it with the input."""
