"""Importing an extension module into a session of this process."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.machinery import ModuleSpec
from types import ModuleType

from uruk.errors import InvalidType, InvalidValue
from uruk.extension_modules import python_api
from uruk.extension_modules.building import Build
from uruk.extension_modules.inputs import add_inputs, name_of
from uruk.extension_modules.loading import ExtensionLoader, load, spec_of
from uruk.orc.dylib import JITDylib
from uruk.orc.registry.inputs import PathLike, Source, listed
from uruk.orc.session import Session


@dataclass(frozen=True)
class Inputs:
    """A module's objects, archives and sources, the libraries behind them, and how sources are compiled."""

    files: Sequence[PathLike | Source]
    libraries: Sequence[PathLike] = ()
    flags: Sequence[str] = ()
    compiler: str | Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ("files", "libraries", "flags"):
            listed(getattr(self, name), "inputs" if name == "files" else name)


def check_inputs(name: str, files: Sequence[PathLike | Source]) -> list[PathLike | Source]:
    """Return the inputs of a module as a list.

    Raises InvalidType for what is no name, path or bytes, InvalidValue for a name whose last part is empty.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidType(f"{name!r} is not the name of a module, which is a str")
    if not name.rpartition(".")[2]:
        raise InvalidValue(f"{name!r} is not the name of a module: it has no last part")
    return listed(files, "inputs")


def module_spec(session: Session, main: JITDylib, name: str, inputs: Inputs) -> ModuleSpec:
    """Return the spec of a module, which links it into a new dylib before `main` when Python asks for the module."""
    return spec_of(name, ExtensionLoader(partial(_link, session, main, inputs)), name_of(inputs.files))


def import_module(session: Session, main: JITDylib, name: str, inputs: Inputs) -> ModuleType:
    """Import a module; see `LLJIT.import_module`."""
    return load(module_spec(session, main, name, inputs))


def _link(session: Session, main: JITDylib, inputs: Inputs, name: str) -> int:
    """Link a module, and return the address of its init function."""
    names = itertools.chain([name], (f"{name} ({number})" for number in itertools.count(2)))
    dylib = session.create_dylib(next(label for label in names if label not in session.dylibs))
    dylib.set_link_order([main])
    add_inputs(dylib, inputs.files, Build(name, inputs.flags, inputs.compiler), inputs.libraries)
    init = python_api.init_name(name)
    return dylib.lookup([init], initialize=True)[init]
