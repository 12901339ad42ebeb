"""Running units and generators, and taking in what they deliver."""

from __future__ import annotations

import operator
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from uruk.errors import DuplicateDefinition, MaterializationError, UrukError, WrongDefinitions, some_of
from uruk.orc.dispatch import Task
from uruk.orc.registry import adding, defining
from uruk.orc.registry.adapting import adapt, redirect_references
from uruk.orc.registry.added import Added
from uruk.orc.registry.entries import Contents, Delivery, ObjectState, Unit, UnitEntry
from uruk.orc.registry.inputs import Source, read_source
from uruk.orc.registry.ownership import record_some
from uruk.orc.registry.symbol_flags import SymbolFlags
from uruk.orc.registry.symbols import Rank, decode_name, encode_name
from uruk.special_methods import has_method

if TYPE_CHECKING:
    from uruk.orc.lifetime.lifetime import Lifetime
    from uruk.orc.registry.definitions import Definitions
    from uruk.orc.registry.search import GeneratorEntry, LookupKind


def materialization(session: Lifetime, entry: UnitEntry) -> Task:
    """Return the task that makes a unit's object: the one that is at it, or a new one.

    Under the session's lock; the task itself runs without it.
    """
    if entry.state is not ObjectState.PENDING and entry.task is not None:
        return entry.task
    names = [entry.dylib.text(number) for number in entry.names]
    entry.state = ObjectState.MATERIALIZING
    title = f"unit {entry.file}, asked for {some_of(names)}"
    task = entry.task = Task(title, lambda: _run_unit(session, entry), entry.number, names)
    return task


def _run_unit(session: Lifetime, entry: UnitEntry) -> None:
    try:
        with session.lock:
            if entry.refusal is not None:
                raise entry.refusal
            wanted = _owned(session, entry)
            # A definition may have taken a name between the request and this moment.
            requested = frozenset(map(entry.dylib.text, entry.wanted)) & frozenset(wanted)
        responsibility = session.new_delivery(entry.dylib, wanted, requested)
        # Without the lock, as units compile, wait, and look other names up.
        delivered = _call(entry, responsibility)
        pairs = [read_source(source, _title(entry, source, name)) for name, source in delivered]
        with session.lock:
            if entry.state is ObjectState.MATERIALIZING:  # else it was removed meanwhile
                # The lookup that waits asked for these names: it goes on, and does not begin again.
                with session.unchanged():
                    _deliver(session, entry, responsibility, pairs)
    except BaseException as error:
        with session.lock:
            if entry.state is ObjectState.MATERIALIZING:
                # Pending again: a later lookup may have more luck (a compiler that was missing, a file).
                entry.state, entry.task = ObjectState.PENDING, None
        if isinstance(error, UrukError) or not isinstance(error, Exception):
            raise
        names = [entry.dylib.text(number) for number in entry.names]
        problem = f"raised {type(error).__name__}: {error}"
        raise MaterializationError(f"unit {entry.file}", names, problem) from error


def _owned(session: Lifetime, entry: UnitEntry) -> dict[str, SymbolFlags]:
    """Return the symbols that a unit still has to deliver."""
    owner = session.table.owner
    return {
        entry.dylib.text(number): SymbolFlags(flags)
        for number, flags in entry.names.items()
        if owner[number] == entry.number
    }


def _title(entry: UnitEntry, source: Any, name: str) -> str:
    """Return the name of a unit's object in errors: a file by its path, which is empty here."""
    return name or ("" if isinstance(source, str | os.PathLike) else entry.file)


def _is_future(made: Any) -> bool:
    """Return True for a Future. There is none before its module is imported, which would cost start-up time here."""
    future = getattr(sys.modules.get("concurrent.futures"), "Future", None)  # or another thread is importing it now
    return future is not None and isinstance(made, future)


def _call(entry: UnitEntry, responsibility: Delivery) -> list[tuple[str, Any]]:
    """Call the unit's method; returns the objects that it delivers, with names."""
    made: Any = entry.unit.materialize(responsibility)
    if _is_future(made):
        made = made.result()
    objects: list[Any] = []
    if made is None:
        pass
    elif isinstance(made, str | bytes | bytearray | memoryview) or hasattr(made, "__fspath__"):
        # Bytes and texts are sequences, too, and must be told apart first.
        objects = [made]
    elif isinstance(made, Sequence):
        objects = list(cast("Sequence[Any]", made))
    else:
        kind = type(made).__name__
        raise TypeError(
            f"materialize returned {kind}: it returns bytes, a path, a sequence or a Future of them, or None"
        )
    return [*responsibility.emitted, *(("", source) for source in objects)]


def _deliver(
    session: Lifetime,
    entry: UnitEntry,
    responsibility: Delivery,
    pairs: Sequence[tuple[str, Source]],
) -> None:
    """Put the objects of a unit in its place. All or nothing. Raises WrongDefinitions if they are not as announced."""
    dylib = entry.dylib
    graph = session.parse(pairs, dylib) if pairs else None
    _refuse_repeated(entry, responsibility)
    owned = {encode_name(name): flags for name, flags in _owned(session, entry).items()}
    given = {encode_name(name): address for name, address in responsibility.defined.items()}
    left = {encode_name(name) for _, names in responsibility.delegated for name in names}
    if graph is not None:
        adapt(dylib, graph)
        redirect_references(dylib, graph)
    added = Added.of(graph, session.next_number) if graph is not None else None
    made = _check(session, entry, added, {*given, *left}, owned)
    with defining.all_or_nothing(session, entry):
        if added is not None:
            _take_objects(session, entry, added, made)
        for name in (*given, *left):  # these get new owners below
            number = dylib.names[name]
            if session.table.owner[number] == entry.number:
                session.table.forget(np.array([number]))
        for name, address in given.items():
            if name in owned:
                function = bool(owned[name] & SymbolFlags.CALLABLE)
                defining.define(session, dylib, name, address, entry.tracker, function=function)
        for unit, _ in responsibility.delegated:
            defining.add_unit(session, dylib, unit, entry.tracker)
    # Only now: until its deliveries are in, the unit owns the names that they take.
    session.leave(entry)


def _refuse_repeated(entry: UnitEntry, responsibility: Delivery) -> None:
    """Raise MaterializationError if a unit defines or delegates one name twice."""
    names = Counter([*responsibility.defined, *(name for _, names in responsibility.delegated for name in names)])
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise MaterializationError(f"unit {entry.file}", twice, "it delivered that twice: a bug in that unit")


def _check(
    session: Lifetime,
    entry: UnitEntry,
    added: Added | None,
    not_in_objects: set[bytes],
    owned: Mapping[bytes, SymbolFlags],
) -> set[int]:
    """Return the numbers of the names that the unit had announced and its objects define. Raises WrongDefinitions."""
    text = session.ids.text
    definitions = added.definitions if added is not None else None
    names = set[int](definitions.name.tolist()) if definitions is not None else set[int]()
    defined = {text(number) for number in names}
    missing = [name for name in owned if name not in defined and name not in not_in_objects]
    twice = [decode_name(name) for name in not_in_objects & defined]
    if twice:
        raise MaterializationError(f"unit {entry.file}", twice, "it delivered that twice: a bug in that unit")
    announced = {text(number) for number in entry.names} | {encode_name(name) for name in entry.unit.symbols}
    unexpected: list[bytes] = []
    if definitions is not None and not entry.unit.defines_more:
        # Hidden and weak definitions may come unannounced: compilers add them (inline functions, helpers).
        visible = (definitions.rank == Rank.STRONG) & (definitions.flags & 2 == 0)
        unexpected = [text(number) for number in definitions.name[visible].tolist() if text(number) not in announced]
    unexpected += [name for name in not_in_objects if name not in announced]
    if missing or unexpected:
        raise WrongDefinitions(f"unit {entry.file}", [*map(decode_name, missing)], [*map(decode_name, unexpected)])
    return {number for number in names if text(number) in announced}


def _take_objects(session: Lifetime, entry: UnitEntry, added: Added, announced: set[int]) -> None:
    """Enter a unit's objects: announced names go from the unit to them, others are recorded as those of any object."""
    graph, table = added.graph, session.table
    is_announced = np.isin(added.definitions.name, np.array(sorted(announced), np.int64))
    rest = added.definitions.rows(~is_announced)

    def file_of(number: int) -> str:
        return session.objects[number].file if number < added.first else graph.files[number - added.first]

    given = added.definitions.rows(is_announced)
    _refuse_twice(entry, added, given)
    overridden = record_some(added, rest, table, entry.dylib.names, file_of)
    # Names that the unit lost while it ran stay with their new owners.
    keep = table.owner[given.name] == entry.number
    # Backwards, so that of several weak definitions the first is written last, and stays.
    name, owner = given.name[keep][::-1], (given.object[keep] + added.first)[::-1]
    table.owner[name] = owner
    table.flags[name] = given.flags[keep][::-1]
    orders = [entry.order] * len(graph.files)
    defining.enter_objects(session, entry.dylib, added, entry.tracker, roots=False, orders=orders)
    defining.notify_overridden(session, overridden)


def _refuse_twice(entry: UnitEntry, added: Added, given: Definitions) -> None:
    """Raise DuplicateDefinition if two objects of one unit define an announced name strongly."""
    strong = given.rows(given.rank == Rank.STRONG)
    first: dict[int, int] = {}
    names: list[int] = strong.name.tolist()
    owners: list[int] = strong.object.tolist()
    for name, owner in zip(names, owners, strict=True):
        if first.setdefault(name, owner) != owner:
            files = added.graph.files
            raise DuplicateDefinition(entry.dylib.text(name), files[first[name]], files[owner])


def generation(
    session: Lifetime, dylib: Contents, entry: GeneratorEntry, numbers: Sequence[int], kind: LookupKind
) -> list[Task]:
    """Return tasks that ask a generator for names; those that another lookup has asked for already are its task's."""
    asked = {number: session.asking.get((id(entry), number)) for number in numbers}
    tasks = {id(task): task for task in asked.values() if task is not None}
    new = [number for number, task in asked.items() if task is None]
    if new:
        task = _generator_task(session, dylib, entry, new, kind)
        # Noted before the task runs, so that a second lookup waits for the same answer.
        session.asking.update(dict.fromkeys([(id(entry), number) for number in new], task))
        tasks[id(task)] = task
    return list(tasks.values())


def _generator_task(
    session: Lifetime, dylib: Contents, entry: GeneratorEntry, numbers: Sequence[int], kind: LookupKind
) -> Task:
    """Return the task that asks a generator for names."""
    names = [dylib.text(number) for number in numbers]
    title = entry.title(names)

    def run() -> None:
        try:
            made = entry.generator.generate(dylib, names, kind)
            _take_generated(session, dylib, made)
        except UrukError:
            raise
        except Exception as error:
            problem = f"raised {type(error).__name__}: {error}"
            raise MaterializationError(title.partition(",")[0], names, problem) from error
        finally:
            with session.lock:
                for number in numbers:
                    # In every case, as an entry that stays would have later lookups wait for a task that is over.
                    session.asking.pop((id(entry), number), None)

    return Task(title, run, names=names)


def _take_generated(session: Lifetime, dylib: Contents, made: Any) -> None:
    """Define what a generator returned."""
    if made is None:
        return
    if isinstance(made, Mapping):
        for name, address in cast("Mapping[Any, Any]", made).items():
            if not (isinstance(name, str) and has_method(address, "__index__")):
                raise TypeError(f"a generator returned {name!r}: {address!r}: it returns addresses by name")
            adding.define(session, dylib, name, operator.index(address), function=True)
        return
    for unit in made:
        if not isinstance(unit, Unit):
            raise TypeError(f"a generator returned {type(unit).__name__}: it returns units, addresses by name, or None")
        adding.add_unit(session, dylib, unit)
