"""The structures, enumerations and names that a session's types are declared with, in one cffi.FFI for all objects.

A structure that several objects have is declared once, so that a value from one object's function can be passed to
another's. Two that share a name and differ get different tags.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Hashable
from contextlib import contextmanager
from typing import Any

from uruk.c_types.declarations import Function, function_in
from uruk.debug_info.c_text import CType, identifier
from uruk.errors import UrukError


class Declared:
    """Names that are declared, and texts that wait to be. `lock` is held while types are read and declared."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.room = 0
        """The number of structures that only pointers lead to and that may get members yet; the others get none."""
        self.bodies: set[str] = set()
        """Structures and unions whose members are declared."""
        self._ffi: Any = None
        self.text = ""
        """All that is declared."""
        self._texts: list[str] = []
        self._tags: dict[str, Hashable] = {}
        self._names: dict[str, str] = {}
        self._constants: dict[str, int] = {}
        self._functions: dict[str, Function] = {}

    def tag(self, name: str, content: Hashable) -> tuple[str, bool]:
        """Return the tag of a structure or union of this name and content, and whether it is new."""
        base = plain = identifier(name)
        count = 1
        while plain in self._tags and self._tags[plain] != content:
            count += 1
            plain = f"{base}_{count}"
        new = plain not in self._tags
        self._tags[plain] = content
        return plain, new

    def body(self, text: str) -> None:
        """Have a structure or union declared with its members, by the next `flush`."""
        self._texts.append(text)

    def name(self, name: str, kind: CType) -> CType:
        """Return a type by a name that is a typedef of it, or as it is where the name has another meaning already."""
        plain = identifier(name)
        text = f"typedef {kind.declare(plain)};"
        known = self._names.get(plain)
        if known is None:
            self._names[plain] = text
            self._texts.append(text)
        elif known != text:
            return kind
        return CType(plain, "", kind.size, kind.alignment, kind.refusal, bare=kind.bare)

    def enumeration(self, name: str, values: list[tuple[str, int]]) -> str | None:
        """Return an enumeration's type; None where its constants have other values in another one."""
        pairs = [(identifier(each), value) for each, value in values]
        if any(self._constants.get(each, value) != value for each, value in pairs):
            return None
        tag, new = self.tag(name, tuple(pairs))
        if new:
            if any(each in self._constants for each, _ in pairs):
                return None
            self._constants.update(pairs)
            self.body(f"enum {tag} {{ {', '.join(f'{each} = {value}' for each, value in pairs)} }};")
        return f"enum {tag}"

    def function(self, text: str) -> Function:
        """Return the type of functions that a pointer to them has; it is read once, as that takes most of a call."""
        ffi = self.flush()
        known = self._functions.get(text)
        if known is None:
            with _refusals_told():
                known = self._functions[text] = function_in(ffi, text)
        return known

    def kind(self, text: str) -> Any:
        """Return cffi's type of a text, in which structures are laid out. Raises UrukError for what cffi refuses.

        It takes declarations by their syntax, and finds only here that two members share a name, say.
        """
        ffi = self.flush()
        with _refusals_told():
            return ffi.typeof(text)

    def flush(self) -> Any:
        """Return cffi.FFI with all that was declared. Raises UrukError for a text that cffi refuses."""
        from uruk.c_types.reader import reader

        if self._ffi is None:
            self._ffi = reader(checks_members=False)
        if self._texts:
            text, self._texts = "\n".join(self._texts), []
            self._functions.clear()  # what had no members may have some now
            self.text += f"{text}\n"
            with _refusals_told():
                self._ffi.cdef(text)
        return self._ffi


@contextmanager
def _refusals_told() -> Generator[None, None, None]:
    """Turn what cffi raises for a type into UrukError: a bug here, or debug information that is broken."""
    try:
        yield
    except UrukError:
        raise
    except Exception as error:  # of cffi's own, of its parser, and of the layout of structures
        raise UrukError(f"types from debug information that cffi refuses ({error}): give a prototype") from error
