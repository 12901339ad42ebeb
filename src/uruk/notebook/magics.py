"""`%load_ext uruk` and its cells, `%%c` and `%%cpp`."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable
from typing import Any

from uruk.errors import CompileError
from uruk.notebook.cells import Cells

LANGUAGES = {"c": "c", "cpp": "c++"}
"""Magics, and the languages of their cells."""
NAMESPACE = "cells"
"""The name of the object that has all functions and variables of a notebook's cells as attributes."""


class CellNotCompiled(CompileError):
    """A cell that was not compiled, shown by the compiler's text alone."""

    def _render_traceback_(self) -> list[str]:  # IPython's protocol for exceptions that show themselves
        return [self.diagnostics.rstrip() or self.describe()]


class CellFunction:
    """A function of the cells, as they define it last."""

    def __init__(self, cells: Cells, name: str) -> None:
        self._cells = cells
        self.__name__ = name

    def __call__(self, *arguments: Any) -> Any:
        """Call it; what it prints is shown in the cell. Raises ExecutorCrashed where it ends the child."""
        return self._cells.call(self.__name__, arguments)

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        return getattr(self._cells.session(), self.__name__).__doc__ or ""

    @property
    def __signature__(self) -> Any:
        return getattr(self._cells.session(), self.__name__).__signature__

    def __repr__(self) -> str:
        return f"<{self.__doc__ or self.__name__}>"


class CellNames:
    """The functions and variables of the cells as attributes; variables can be set."""

    def __init__(self, cells: Cells) -> None:
        object.__setattr__(self, "_cells", cells)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = getattr(self._cells.session(), name)
        return CellFunction(self._cells, name) if callable(found) else found

    def __dir__(self) -> list[str]:
        return self._cells.names()

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._cells.session(), name, value)


class Magics:
    """The magics of one IPython shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self.cells = Cells()

    def register(self) -> None:
        """Add the magics to the shell, and the namespace to its names."""
        for name, language in LANGUAGES.items():
            self._shell.register_magic_function(self._magic(language), "cell", name)
        self._shell.user_ns[NAMESPACE] = CellNames(self.cells)

    def _magic(self, language: str) -> Callable[[str, str], None]:
        return functools.partial(self._run, language)

    def _run(self, language: str, line: str, text: str) -> None:
        try:
            names = self.cells.add(text, language, shlex.split(line))
        except CompileError as error:
            raise CellNotCompiled(error.file, error.compiler, error.problem, error.status, error.diagnostics) from None
        for name in names:
            self._shell.user_ns[name] = CellFunction(self.cells, name)


def load(shell: Any) -> None:
    """Add the magics to an IPython shell."""
    Magics(shell).register()
