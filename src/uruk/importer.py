"""`import` for extension modules that are objects or sources: a finder among those of ``sys.meta_path``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from uruk.errors import InvalidType, UrukError
from uruk.extension_modules import python_api
from uruk.extension_modules.importing import Inputs, check_inputs, module_spec
from uruk.extension_modules.loading import ExtensionLoader
from uruk.lljit import LLJIT
from uruk.orc.registry.inputs import PathLike

SUFFIXES = (".o", ".pyx", ".cpp", ".cc", ".cxx", ".c")
"""Suffixes of files that are looked for in folders, in this order: an object is taken before its source."""


def install_importer(
    modules: Mapping[str, Sequence[PathLike]] | Sequence[PathLike] | PathLike,
    *,
    libraries: Sequence[PathLike] = (),
    flags: Sequence[str] = (),
    compiler: str | Sequence[str] | None = None,
    jit: LLJIT | None = None,
) -> ModuleFinder:
    """Have ``import`` find extension modules in objects and sources; see `LLJIT.import_module` for the other arguments.

    `modules` are inputs by the names of modules, which come before all that Python finds itself; or folders in which
    ``NAME.o``, ``NAME.pyx``, ``NAME.cpp`` or ``NAME.c`` is looked for, after Python's own search. Modules are linked
    into `jit`, by default a session of their own. Returns the finder, whose `uninstall` ends it.
    """
    named = isinstance(modules, Mapping)
    if not isinstance(modules, str | os.PathLike | Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"{modules!r} has neither folders nor inputs of modules by name")
    paths = [modules] if isinstance(modules, (str, os.PathLike)) else [] if named else [*modules]
    inputs = (
        {name: Inputs(check_inputs(name, files), libraries, flags, compiler) for name, files in modules.items()}
        if named
        else {}
    )
    finder = ModuleFinder(inputs, paths, Inputs((), libraries, flags, compiler), jit)
    sys.meta_path.insert(0 if named else len(sys.meta_path), finder)
    return finder


class ModuleFinder(MetaPathFinder):
    """Finds extension modules by name, or in folders; made by `install_importer`."""

    def __init__(
        self, modules: Mapping[str, Inputs], folders: Sequence[PathLike], how: Inputs, jit: LLJIT | None
    ) -> None:
        self._modules = modules
        self._folders = [os.path.abspath(folder) for folder in folders]
        self._how = how
        self._jit = jit

    def uninstall(self) -> None:
        """Find nothing from now on. Modules that were imported stay."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module that has inputs; see `importlib.abc.MetaPathFinder`."""
        inputs = self._modules.get(fullname) or self._in_folders(fullname, path)
        if inputs is None:
            return None
        if self._jit is None:
            self._jit = LLJIT()
        self._jit.keep_until_exit()
        spec = module_spec(self._jit.session, self._jit.main, fullname, inputs)
        assert isinstance(spec.loader, ExtensionLoader)
        spec.loader = _Loader(spec.loader)
        return spec

    def _in_folders(self, name: str, path: Sequence[str] | None) -> Inputs | None:
        how = self._how
        for file in self._candidates(name, path):
            if _has_init(file, name):
                return Inputs([file], how.libraries, how.flags, how.compiler)
        return None

    def _candidates(self, name: str, path: Sequence[str] | None) -> Iterator[str]:
        parents = [*(os.path.join(folder, *name.split(".")[:-1]) for folder in self._folders), *(path or ())]
        last = name.rpartition(".")[2]
        for parent in parents if self._folders else ():
            for suffix in SUFFIXES:
                yield os.path.join(parent, last + suffix)


class _Loader(ExtensionLoader):
    """A loader whose errors are those that programs expect of ``import``."""

    def __init__(self, loader: ExtensionLoader) -> None:
        super().__init__(loader.link)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """See `ExtensionLoader.create_module`. Raises ImportError in place of errors of linking."""
        try:
            return super().create_module(spec)
        except UrukError as error:
            raise ImportError(f"{spec.name}: {error}", name=spec.name, path=spec.origin) from error


def _has_init(path: str, name: str) -> bool:
    """Return True if a file seems to have the init function of a module: other files have such names, too."""
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return False
    last = name.rpartition(".")[2].encode()
    marks = (python_api.init_name(name).encode(), b"PYBIND11_MODULE(" + last, b"NB_MODULE(" + last)
    return path.endswith(".pyx") or any(mark in content for mark in marks)
