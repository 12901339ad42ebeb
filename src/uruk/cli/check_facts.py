"""The report of ``uruk check`` as a JSON-able dict; `uruk.cli.check_text` prints it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from uruk.cli.arguments import Arguments
from uruk.cli.check_hazards import hazards_of
from uruk.cli.check_sources import Source, Sources, undefined_names
from uruk.cli.show_facts import ShownObject
from uruk.demangle import demangle
from uruk.errors import UndefinedSymbols, UrukError
from uruk.graph.graph import SymbolType
from uruk.link_rules import rules_of
from uruk.platforms.systems import definers_of
from uruk.program.reading import Objects, Other
from uruk.target import HERE, Target

Facts = dict[str, Any]
NOBODY = Source("none", "")
"""A name that nothing has; a weak one becomes 0."""
_DEFAULT = Source("default", "")
"""A name that the link had of what every program gets: the C library, the compiler's libraries, uruk's runtime."""
_LINK = Source("link", "")
_ADVICE = "add -l"
"""A part of texts about libraries that a line does not name."""


def report_of(
    arguments: Arguments,
    inputs: Sequence[Objects | Other],
    errors: Sequence[UrukError],
    members: Collection[tuple[str, int]] | None = None,
    remark: str = "",
) -> Facts:
    """Return the report; `errors` are those for which the inputs would not link.

    `members` and `remark` are those of a `uruk.program.trial.Trial`.
    """
    target = Target.of_triple(arguments.target) if arguments.target else HERE
    sources = Sources(arguments.plan, target, members)
    sources.add(inputs)
    found = [*_all(errors), *sources.errors] if errors else []
    return {
        "links": not errors,
        "target": str(target),
        "remark": remark or None,
        "errors": [{"type": type(error).__name__, "text": error.describe()} for error in _distinct(found)],
        "objects": [_object(shown, sources, target) for shown in sources.objects],
        "needs": _needs(sources, target, errors),
    }


def _all(errors: Iterable[UrukError]) -> list[UrukError]:
    """Return errors with those that came beside them."""
    return [one for error in errors for one in (error, *error.others)]


def _distinct(errors: Iterable[UrukError]) -> list[UrukError]:
    return list({error.describe(): error for error in errors}.values())


def _object(shown: ShownObject, sources: Sources, target: Target) -> Facts:
    file = shown.graph.files[0]
    return {
        "file": file,
        "from": sources.from_where(shown),
        "initialisers": shown.initialisers(),
        "thread_local": shown.thread_local(),
        "hazards": hazards_of(shown, lambda name: name in sources.of and sources.of[name].kind != "library"),
        "problems": shown.problems(),
    }


def _needs(sources: Sources, target: Target, errors: Sequence[UrukError]) -> list[Facts]:
    """Return what the inputs need from outside of the object that needs it, by name, with the definer of each."""
    uses: dict[bytes, Facts] = {}
    for shown in sources.objects:
        _add_uses(uses, shown)
    refused = {
        symbol.name: symbol.hint
        for error in _all(errors)
        if isinstance(error, UndefinedSymbols)
        for symbol in error.symbols
    }
    missing = sorted(uses.keys() - sources.of.keys())
    local = [name for name in missing if uses[name]["thread_local"]]
    known = definers_of(missing, frozenset(local), target)
    made = _made_by_the_link(sources, missing)
    for name, need in uses.items():
        source, advice = sources.of.get(name, NOBODY), refused.get(need["name"], "")
        if source is NOBODY and name in made:
            source = _LINK
        elif source is NOBODY and need["name"] not in refused:
            # An error of undefined names has all of them, so that others were found.
            found = not errors or bool(refused)
            source, advice = _of_process(known.get(name, ""), weak=need["weak"], found=found)
        need["source"] = {"kind": source.kind, "file": source.file or None}
        need["hint"] = advice or None
    return [uses[name] for name in sorted(uses)]


def _of_process(text: str, *, weak: bool, found: bool) -> tuple[Source, str]:
    """Return the source of a name that no input has, and what to do where there is none."""
    if _ADVICE in text:
        return NOBODY, text
    if text or (found and not weak):
        return _DEFAULT, ""
    return NOBODY, ""


def _made_by_the_link(sources: Sources, names: Iterable[bytes]) -> set[bytes]:
    """Return names that the link itself defines (bounds of sections, the GOT)."""
    if not sources.objects:
        return set()
    sections = frozenset(block.name.encode() for shown in sources.objects for block in shown.view.blocks)
    rules = rules_of(sources.objects[0].graph)
    return {name for name in names if rules.makes(name, sections)}


def _add_uses(uses: dict[bytes, Facts], shown: ShownObject) -> None:
    """Add an object's undefined names: how often each is used, and where first."""
    places: dict[bytes, list[str]] = {}
    symbols = shown.graph.symbols
    for row in shown.rows:
        if row.target >= 0 and symbols.name[row.target] >= 0:
            places.setdefault(shown.names.text(int(symbols.name[row.target])), []).append(shown.place(row))
    local = {
        shown.names.text(number)
        for number in symbols.name[(symbols.type == SymbolType.TLS) & (symbols.name >= 0)].tolist()
    }
    file = shown.graph.files[0]
    for name, weak in undefined_names(shown):
        text = name.decode("utf-8", "replace")
        blank = {
            "name": text,
            "demangled": demangle(text),
            "weak": True,
            "thread_local": False,
            "used_at": None,
            "uses": 0,
        }
        need = uses.setdefault(name, blank)
        found = places.get(name, [])
        need["weak"] &= weak
        need["thread_local"] |= name in local
        need["used_at"] = need["used_at"] or (f"{file}:({found[0]})" if found else None)
        need["uses"] += len(found)
