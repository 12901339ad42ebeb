"""Takes replacements as users give them: objects, files of source, texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import cast

from uruk.compile.languages import language_of
from uruk.errors import InvalidType, InvalidValue, NotReplaced
from uruk.graph.graph import Graph
from uruk.orc.lifetime.lifetime import Lifetime
from uruk.orc.registry.entries import Contents, LazyEntry
from uruk.orc.registry.inputs import Source, check, check_text, read_source
from uruk.orc.registry.symbols import encode_name
from uruk.orc.registry.tracker import IRLike, NewCode, Replacement, ResourceTracker
from uruk.orc.replacing.change import Order
from uruk.orc.replacing.replacing import replace_objects, replace_together, versions_of


def replace_code(session: Lifetime, tracker: ResourceTracker, replacement: Replacement) -> None:
    """See `ResourceTracker.replace`."""
    versions = versions_of(tracker)
    code = _code_of(tracker, replacement)
    replace_objects(session, versions, [(code.name, code.data)], replacement.statics, replacement.function)
    _take_types(tracker, code, replacement.function)


def replace_several(
    session: Lifetime, sources: Mapping[ResourceTracker, str | os.PathLike[str] | Source | IRLike], statics: str
) -> None:
    """See `LLJIT.replace_together`."""
    if not hasattr(sources, "items"):
        raise InvalidType(f"{sources!r}: code is replaced together by a dict, {{tracker: object or source, ...}}")
    for tracker in sources:
        check(tracker, ResourceTracker, "a key of what is replaced together", "a tracker, as add_object returns one")
    versions = {tracker: versions_of(tracker) for tracker in sources}
    # All are compiled before anything changes.
    codes = {tracker: _code_of(tracker, Replacement(source)) for tracker, source in sources.items()}
    if codes:
        orders = [Order(versions[tracker], [(code.name, code.data)]) for tracker, code in codes.items()]
        replace_together(session, orders, statics)
    for tracker, code in codes.items():
        _take_types(tracker, code)


def _take_types(tracker: ResourceTracker, code: NewCode, function: str = "") -> None:
    """Have a tracker know the types that LLVM IR tells of its new code, and no more those of the old one."""
    functions, variables = dict(code.ir_functions), dict(code.ir_variables)
    if function:
        functions = {**{name: old for name, old in tracker.ir_functions.items() if name != function}, **functions}
        variables = {**tracker.ir_variables, **variables}
    tracker.ir_functions, tracker.ir_variables = functions, variables


def _code_of(tracker: ResourceTracker, replacement: Replacement) -> NewCode:
    """Return an object, compiled where it is a source."""
    source, text = replacement.source, replacement.text
    if (source is None) == (text is None):
        raise InvalidType("code is replaced by either an object or file, or a text")
    check_text(text, replacement.name)
    if tracker.compile is not None and (code := tracker.compile(replacement)) is not None:
        return code
    path = replacement.path
    if text is None and not (path is not None and language_of(path)):
        return NewCode(*read_source(cast("Source", source), replacement.name))
    what = "text" if text is not None else path
    added = "an object" if tracker.compile is None else "LLVM IR"
    raise InvalidValue(f"{what}: {tracker.name} was added as {added}: compile the source, and replace it by that")


Copies = Callable[[Graph, int, str], list[str]]
"""Names what of an object, of a graph and by its number there, has code of one of its functions."""


def replace_function(session: Lifetime, dylib: Contents, replacement: Replacement, copies_of: Copies) -> None:
    """See `LLJIT.replace`."""
    function = replacement.function
    with session.lock:
        session.check_dylib(dylib)
        number, table = dylib.names.get(encode_name(function)), session.table
        owner = int(table.owner[number]) if number is not None and number < table.owner.size else -1
        entry = session.objects.get(owner)
        if entry is None:
            raise InvalidValue(f"`{function}' is not defined in dylib {dylib.name}: nothing can be replaced")
        versions = versions_of(entry.tracker)
        if not isinstance(entry, LazyEntry):
            advice = 'set it where it is (`jit.write\'), or replace all of the object with statics="new"'
            raise InvalidValue(f"`{function}' is a variable, and jit.replace() is for functions: {advice}")
        objects = [entry for entry in versions.objects() if not entry.private]
    for entry in objects:
        copies = copies_of(entry.added.graph, entry.index, function)
        if copies:
            raise NotReplaced(function, entry.file, copies)
    replace_code(session, versions.tracker, replacement)
