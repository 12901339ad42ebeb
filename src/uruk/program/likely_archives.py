"""The archives of a link line, guessed from names alone, before there is a library search to ask."""

from __future__ import annotations

import os

from uruk.program.link_plan import LinkPlan


def likely_archives(plan: LinkPlan) -> list[str]:
    """Return paths that the library search will probably find, in the order of the line; each once.

    Only the line's own directories count: of a system's archives programs take few members. Archives that are linked
    whole are read otherwise.
    """
    listings = [(directory, _names_in(directory)) for directory in dict.fromkeys(plan.directories)]
    found: dict[str, None] = {}
    for item in plan.inputs:
        if item.whole:
            continue
        if item.kind == "input":
            if item.value.endswith(".a"):
                found[item.value] = None
            continue
        archive, library = f"lib{item.value}.a", f"lib{item.value}.so"
        for directory, names in listings:
            if library in names and not item.static:
                break
            if archive in names:
                found[os.path.join(directory, archive)] = None
                break
    return list(found)


def _names_in(directory: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(directory))
    except (OSError, ValueError):  # the search says so, if it needs to; ValueError: no name that a system takes
        return frozenset()
