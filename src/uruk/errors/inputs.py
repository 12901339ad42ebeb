"""Errors about what comes from files: objects, archives, libraries and sources."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.errors.base import UrukError

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
        file = self.file or "''"  # of an empty word
        return f"{file}:{part} {self.problem}"


class InputNotFound(ObjectFormatError, FileNotFoundError):
    """An object, archive, library or source whose file is not there."""


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


_BEFORE = "it must be in the process before all others"
COMES_LATE = f"defines malloc, which the C library calls, too: {_BEFORE}"
"""The problem of a library that replaces malloc."""


def wrapped_late(function: str) -> str:
    """Return the problem of a library of whose `function` a sanitizer's runtime has a wrapper."""
    return f"defines {function}, which the process has from a sanitizer's runtime already: {_BEFORE}"


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

    @property
    def comes_late(self) -> bool:
        """True if the library has to be in its process before all others, and is not."""
        return self.problem.endswith(_BEFORE)

    def describe(self) -> str:
        """See `UrukError.describe`."""
        return f"{self.library}: {self.problem}" + (f"\n  hint: {self.hint}" if self.hint else "")


class CompilerWarning(UserWarning):
    """A warning of a compiler while it compiled a source."""


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
