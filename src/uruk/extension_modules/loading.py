"""From the address of an init function to an imported module, by Python's own import machinery."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from types import ModuleType
from typing import Any

from uruk.extension_modules import python_api


class ExtensionLoader(Loader):
    """Makes the module of a spec; `link(name)` links its inputs and returns the address of its init function."""

    def __init__(self, link: Callable[[str], int]) -> None:
        self.link = link
        self._definition: Any = None
        self._made: Any = None
        """The module that was made, until its later phases run."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Link, and call the init function. Raises ImportError, what linking raises and what the function raises."""
        made, has_phases = python_api.call_init(self.link(spec.name), spec.name)
        if has_phases:
            self._definition = made
            self._made = python_api.module_of(made, spec)
        else:
            # Python's own loader has the function see the whole name, by a private variable of the interpreter.
            made.__name__ = spec.name
            self._made = made
        module: ModuleType = self._made
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Run the later phases of the initialization, if it has any. A module that is there already stays as it is."""
        if self._made is not module:
            return  # reloaded: its code stays as it is, as that of shared libraries does
        self._made = None
        if self._definition is None:
            python_api.register(module)
        else:
            python_api.execute(module, self._definition)


class _Reloads(MetaPathFinder):
    """Finds modules of this loader again, which no finder has found: `importlib.reload` asks for their specs."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec with which a module was made."""
        spec = getattr(target, "__spec__", None)
        return spec if isinstance(spec, ModuleSpec) and isinstance(spec.loader, ExtensionLoader) else None


_reloads = _Reloads()


def spec_of(name: str, loader: ExtensionLoader, origin: str) -> ModuleSpec:
    """Return the spec of a module; `origin` is its first input, which becomes ``__file__``."""
    spec = ModuleSpec(name, loader, origin=origin)
    spec.has_location = True
    return spec


def load(spec: ModuleSpec) -> ModuleType:
    """Import the module of a spec, in place of another one of its name. After an error that one is there again."""
    assert spec.loader is not None
    if _reloads not in sys.meta_path:
        sys.meta_path.insert(0, _reloads)  # before those that would find a file of that name
    before = sys.modules.pop(spec.name, None)
    try:
        module = module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(spec.name, None)
        if before is not None:
            sys.modules[spec.name] = before
        raise
    return sys.modules[spec.name]  # a module may put something else into its place
