"""The rules of each object format. They lie on a higher floor than the readers, and are joined to them here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from uruk.errors import InternalError
from uruk.formats.known import FORMATS
from uruk.passes.elf import own_names
from uruk.target import HERE, Target

if TYPE_CHECKING:
    from uruk.formats.interface import Format
    from uruk.graph.graph import Graph
    from uruk.passes.rules import Rules

_OF_OWN_FORMATS: dict[str, type[Rules]] = {}
"""The rules of those formats that are part of uruk, by name, once something of theirs is linked."""
_LATER = {"elf": ("uruk.passes.elf.rules", "ELFRules"), "coff": ("uruk.passes.coff.rules", "COFFRules")}


def _own_rules(name: str) -> type[Rules] | None:
    """Return the rules of a format that is part of uruk; None for others."""
    if name in _LATER and name not in _OF_OWN_FORMATS:
        module, attribute = _LATER[name]
        _OF_OWN_FORMATS[name] = getattr(import_module(module), attribute)
    return _OF_OWN_FORMATS.get(name)


def rules_of(graph: Graph) -> type[Rules]:
    """Return the rules of the format that a graph's objects have; the defaults where it gives none. See `rules_for`."""
    if graph.target is None:
        raise InternalError("a graph of no target: objects are read by uruk.formats.registry")
    name = graph.target.format
    own = _OF_OWN_FORMATS.get(name) or _own_rules(name)
    if own is not None:
        return own
    from uruk.formats.registry import format_named

    return rules_for(format_named(name))


def rules_for(format: Format) -> type[Rules]:
    """Return the rules of a format. Raises TypeError where they are not a subclass of `uruk.passes.rules.Rules`."""
    from uruk.passes.rules import Rules

    rules = _own_rules(format.name) or format.rules or Rules
    if not issubclass(rules, Rules):
        raise TypeError(f"the rules of the format `{format.name}' must be a subclass of uruk.passes.rules.Rules")
    return rules


def private_names(target: Target) -> list[bytes]:
    """Return names that every module has for itself, in a session that links for a target."""
    names = [*own_names.PRIVATE] if target.format == HERE.format else []
    names += [name for format in _other_formats() for name in rules_for(format).private_names]
    return list(dict.fromkeys(names))


def place_names(target: Target) -> frozenset[bytes]:
    """Return names of places in a module, in a session that links for a target."""
    # Those of this process's format, ELF, are known without its rules: a session asks before it has any object.
    own = own_names.OWN_PLACES if target.format == HERE.format else frozenset[bytes]()
    others = _other_formats()
    return own.union(*(rules_for(format).place_names for format in others)) if others else own


def _other_formats() -> list[Format]:
    """Return the formats that are known by now, without that of this process.

    The names of that one mean nothing where the target has another one, whose libraries may define them: MinGW's
    libmingw32.a has a `__dso_handle`.
    """
    return [format for format in FORMATS.values() if format.name != HERE.format]
