"""Changes of what was read, before it is added to a dylib: the format's own, and references that get other names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uruk.link_rules import rules_of
from uruk.orc.registry import wrapping

if TYPE_CHECKING:
    from uruk.graph.graph import Graph
    from uruk.orc.registry.entries import Contents


def adapt(dylib: Contents, graph: Graph) -> None:
    """Let the format's rules change what was read; see `uruk.passes.rules.Rules.adapt`."""
    if dylib.adapts:
        rules_of(graph).adapt(graph, dylib.names)


def redirect_references(dylib: Contents, graph: Graph) -> None:
    """Apply a dylib's `redirections` to a graph that is being added."""
    redirections = (dylib.implements or dylib).redirections
    if wrapping.MORE_STACK in dylib.names:
        # These hold for the graphs that follow, too, as ld wraps names in all inputs of a line.
        redirections |= wrapping.split_stack_names(graph, dylib.names)
    if redirections:
        wrapping.redirect_references(graph, dylib.names, redirections)
