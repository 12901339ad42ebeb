"""Finds uruk's own modules for its commands, with half of the work that Python's finder and loader do for each.

A command imports some 220 of them, which is most of its share of the start. Where they are, and that their bytecode is
fresh, is asked as Python does; but a folder is listed once and no suffix is tried that uruk has no files of. Whatever
is not plain goes Python's own way: sources without fresh bytecode, bytecode elsewhere or compiled elsewhere, archives.
Users' processes have Python's finder alone.
"""

from __future__ import annotations

import io
import marshal
import os
import sys
from typing import TYPE_CHECKING, Any

import uruk

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec, SourceFileLoader
    from types import CodeType
else:  # of `importlib.machinery`, which takes time to import
    ModuleSpec, SourceFileLoader = type(uruk.__spec__), type(uruk.__spec__.loader)

_PREFIX = "uruk."
_HEAD = 16
"""Bytes before the code: a magic number, flags, and time and size of the source (PEP 552)."""


class _Loader(SourceFileLoader):
    """Reads a module's bytecode if it is fresh."""

    cached: str
    magic: bytes

    def get_code(self, fullname: str) -> CodeType | None:
        """Return a module's code."""
        try:
            with io.open_code(self.cached) as file:
                data = file.read()
            facts = os.stat(self.path)
        except OSError:
            return super().get_code(fullname)
        source = [int(facts.st_mtime) & 0xFFFFFFFF, facts.st_size & 0xFFFFFFFF]
        head = self.magic + bytes(4) + b"".join(number.to_bytes(4, "little") for number in source)
        if data[:_HEAD] != head:
            return super().get_code(fullname)
        code: CodeType = marshal.loads(memoryview(data)[_HEAD:])
        return code if code.co_filename == self.path else super().get_code(fullname)


class _Finder:
    def __init__(self, magic: bytes) -> None:
        self._magic = magic
        self._suffix = f".{sys.implementation.cache_tag}.pyc"
        self._listed: dict[str, frozenset[str]] = {}

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        """Return how a module of uruk's is loaded; None for what other finders have to find."""
        if path is None or not name.startswith(_PREFIX):
            return None
        folder, tail = next(iter(path)), name.rpartition(".")[2]
        names = self._names(folder)
        if f"{tail}.py" in names:
            return self._spec(name, folder, tail, [])
        inner = f"{folder}/{tail}"
        if tail in names and "__init__.py" in self._names(inner):
            return self._spec(name, inner, "__init__", [inner])
        return None

    def _names(self, folder: str) -> frozenset[str]:
        names = self._listed.get(folder)
        if names is None:
            try:
                names = frozenset(os.listdir(folder))
            except OSError:
                names = frozenset[str]()
            self._listed[folder] = names
        return names

    def _spec(self, name: str, folder: str, stem: str, places: list[str]) -> ModuleSpec:
        path = f"{folder}/{stem}.py"
        loader = _Loader(name, path)
        loader.magic, loader.cached = self._magic, f"{folder}/__pycache__/{stem}{self._suffix}"
        spec = ModuleSpec(name, loader, origin=path, is_package=bool(places))
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.extend(places)
        spec.has_location, spec.cached = True, loader.cached
        return spec


def find_own_modules() -> None:
    """Have this process, a command of uruk's, find them so; not where bytecode lies elsewhere than in `__pycache__`."""
    external: Any = sys.modules.get("_frozen_importlib_external")
    magic = getattr(external, "MAGIC_NUMBER", None)
    plain = type(uruk.__spec__.loader).__name__ == "SourceFileLoader" and os.sep == "/"
    if plain and magic and sys.implementation.cache_tag and not sys.flags.optimize and sys.pycache_prefix is None:
        sys.meta_path.insert(0, _Finder(magic))
