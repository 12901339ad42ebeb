"""The definers of names that an object lacks: the link itself, or what its system has."""

from __future__ import annotations

from collections.abc import Iterable

from uruk.graph.graph import Graph
from uruk.link_rules import rules_of
from uruk.platforms.systems import definers_of
from uruk.target import HERE

LINK = "made by the link"


def providers(
    graph: Graph, names: Iterable[bytes], thread_local: frozenset[bytes], sections: frozenset[bytes]
) -> dict[bytes, str]:
    """Return who has each undefined name of a graph's objects; empty for nobody known.

    `thread_local` are those of the names that are thread-locals, `sections` the names of the objects' own sections,
    between whose bounds some names lie.
    """
    rules = rules_of(graph)
    wanted = list(names)
    of_the_link = {name: LINK for name in wanted if rules.makes(name, sections)}
    rest = [name for name in wanted if name not in of_the_link]
    return of_the_link | definers_of(rest, thread_local, graph.target or HERE)
