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


class LibraryError(UrukError):
    """A shared library that the dynamic loader refused; `hint` says what to do, where that is known.

    `comes_late`: the library has to be in its process before all others, and is not.
    """

    def __init__(self, library: str, problem: str, hint: str = "", comes_late: bool = False) -> None:
        self.library = library
        self.problem = problem
        self.hint = hint
        self.comes_late = comes_late
        super().__init__(library, problem, hint, comes_late)

    @property
    def undefined(self) -> bytes:
        """The symbol that the library, or one that it needs, lacks; empty if that is not the problem."""
        _, separator, rest = self.problem.rpartition(_UNDEFINED)
        return rest.partition(",")[0].encode("utf-8", "surrogateescape") if separator else b""

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
