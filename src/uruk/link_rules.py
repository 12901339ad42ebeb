"""The rules of each object format. They lie on a higher floor than the readers, and are joined to them here."""

from __future__ import annotations

from importlib import import_module

from uruk.errors import InternalError
from uruk.formats.interface import Format
from uruk.formats.registry import format_named, formats
from uruk.graph.graph import Graph
from uruk.passes.elf.rules import ELFRules
from uruk.passes.rules import Rules
from uruk.target import HERE, Target

_OF_OWN_FORMATS: dict[str, type[Rules]] = {"elf": ELFRules}
"""The rules of the formats that are part of uruk; those of formats that few sessions meet come in when they are."""
_LATER = {"coff": ("uruk.passes.coff.rules", "COFFRules")}


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
    return own if own is not None else rules_for(format_named(graph.target.format))


def rules_for(format: Format) -> type[Rules]:
    """Return the rules of a format. Raises TypeError where they are not a subclass of `uruk.passes.rules.Rules`."""
    rules = _own_rules(format.name) or format.rules or Rules
    if not issubclass(rules, Rules):
        raise TypeError(f"the rules of the format `{format.name}' must be a subclass of uruk.passes.rules.Rules")
    return rules


def private_names(target: Target) -> list[bytes]:
    """Return names that every module has for itself, in a session that links for a target."""
    names = [name for format in _formats_for(target) for name in rules_for(format).private_names]
    return list(dict.fromkeys(names))


def place_names(target: Target) -> frozenset[bytes]:
    """Return names of places in a module, in a session that links for a target."""
    known = [rules_for(format).place_names for format in _formats_for(target)]
    return known[0] if len(known) == 1 else frozenset(name for names in known for name in names)


def _formats_for(target: Target) -> list[Format]:
    """Return the formats that are known now, without that of this process where the target has another one.

    Libraries of that target may define its names: MinGW's libmingw32.a has a `__dso_handle`.
    """
    return [format for format in formats() if format.name != HERE.format or target.format == HERE.format]
