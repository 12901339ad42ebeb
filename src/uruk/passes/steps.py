"""The steps of a link: their names, what holds after each, the points where plug-ins join, and what runs them.

A plug-in is a callable that gets the link's `State` at a point: ``before NAME`` or ``after NAME`` of every step, or one
of the five points that have a name of their own in the field (LLVM, JITLink's PassConfiguration).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec, TypeVar

from uruk.errors import InvalidValue, PassError, UrukError
from uruk.named_tuples import NamedTuple
from uruk.passes.faults import LinkFaults
from uruk.passes.state import State

Hook = Callable[[State], None]
P = ParamSpec("P")
R = TypeVar("R")


class Point(NamedTuple):
    """A point of the pipeline, and what holds there."""

    name: str
    holds: str


STEPS = (
    Point("groups", "`live` is false for blocks of section groups that lost to others"),
    Point("read relocations", "`edges` has the edges of live blocks"),
    Point("bind names", "`canonical` and `undefined` say which row stands for each name"),
    Point("prune", "on request, blocks that nothing wanted reaches are dead, and their edges gone"),
    Point("unwind", "unwind data of dead functions is gone, the rest is one block a module"),
    Point("commons", "common symbols have zero-filled blocks"),
    Point("provided names", "names that the link provides are known, and have the blocks that they need"),
    Point("resolve names", "`external` has an answer for every row of `undefined`"),
    Point("library data", "library data out of reach that may be copied has blocks here"),
    Point("got, stubs", "every edge has its GOT slot or stub; edges and their targets are final"),
    Point("layout", "`segment` and `offset` say where each live block lies; no block is added any more"),
    Point("tls plan", "`tls_offset` is filled where there are thread-locals"),
    Point("placement", "the address range in which the batch must lie is known"),
    Point("allocate", "memory is there; an error from here on gives it back"),
    Point("addresses", "`address`, `position` and `symbol_address` are final"),
    Point("copy", "`image` has every block's content, no field filled in yet"),
    Point("stubs", "`image` has the code of the stubs"),
    Point("relax, fixup", "every field is written, except thread-local offsets and module ids"),
    Point("tls storage", "the thread-local images are loaded"),
    Point("slots, tls", "every field and slot is written, except the slots of IFUNCs"),
    Point("protect", "code can run, and can be written no more"),
    Point("resolvers", "the slots of IFUNCs are written"),
    Point("seal", "constants can be written no more"),
)
"""The steps of `uruk.link.link` in order, each with what holds after it; `--time` uses the same names."""

NAMED = {
    "bind names": "pre-prune",
    "unwind": "post-prune",
    "addresses": "post-allocate",
    "copy": "pre-fixup",
    "slots, tls": "post-fixup",
}
"""Step -> the field's name for the point behind it."""

OLD_NAMES = {"comdat": "groups", "eh_frame": "unwind", "boundaries": "provided names"}
"""Names that steps had before -> those of now; plug-ins may use them yet."""


def _points() -> tuple[Point, ...]:
    points: list[Point] = []
    holds = "the objects' tables as they were read"
    for step in STEPS:
        # What holds before a step is what holds after the one in front of it.
        points.append(Point(f"before {step.name}", holds))
        holds = step.holds
        points.append(Point(f"after {step.name}", holds))
        if step.name in NAMED:
            points.append(Point(NAMED[step.name], holds))
    return tuple(points)


POINTS = _points()
"""All points, in the order in which a link comes to them."""
_NAMES = frozenset(point.name for point in POINTS)


def check_point(name: str) -> str:
    """Return the name of a point, which may be given by an old name of its step, with a DeprecationWarning.

    Raises UrukError that lists the points there are.
    """
    if name in _NAMES:
        return name
    side, _, step = name.partition(" ")
    if side in ("before", "after") and step in OLD_NAMES:
        import warnings  # seldom needed, and not at start-up

        now = f"{side} {OLD_NAMES[step]}"
        # Of the frames, the fourth is that of whoever calls LLJIT.add_pass.
        warnings.warn(f"the point `{name}' is called `{now}' now", DeprecationWarning, stacklevel=4)
        return now
    names = "; ".join(step.name for step in STEPS)
    named = ", ".join(NAMED.values())
    raise InvalidValue(
        f"`{name}' is not a point of a link; there are {named}, and `before' and `after' each of: {names}"
    )


def table() -> str:
    """Return the points as a table in Markdown, for the documentation."""
    lines = ["| step | what holds after it | point there |", "| --- | --- | --- |"]
    for step in STEPS:
        named = f"`{NAMED[step.name]}`" if step.name in NAMED else ""
        lines.append(f"| {step.name} | {step.holds} | {named} |")
    return "\n".join(lines) + "\n"


class Steps:
    """``steps(NAME, function, *arguments)`` runs one step. `times` has (name, seconds), plug-ins under their point."""

    def __init__(self, state: State, hooks: Mapping[str, Sequence[Hook]]) -> None:
        """`hooks`: point -> plug-ins. Raises UrukError for a name that is not a point."""
        if hooks:
            checked = [check_point(name) for name in hooks]
            if checked != list(hooks):  # some by old names of steps
                current: dict[str, list[Hook]] = {}
                for point, plugins in zip(checked, hooks.values(), strict=True):
                    current.setdefault(point, []).extend(plugins)
                hooks = current
        self.times: list[tuple[str, float]] = []
        self._state = state
        self._hooks = hooks
        self._last = time.perf_counter()

    def __call__(self, name: str, run: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `run`, with the plug-ins before and after `name`; returns its result."""
        if self._hooks:
            self._point(f"before {name}")
        result = run(*args, **kwargs)
        now = time.perf_counter()
        # From the end of what ran before, so that the times add up to that of the link.
        self.times.append((name, now - self._last))
        self._last = now
        if self._hooks:
            # Plug-ins behind the step may use what it has made, and so it counts as done before they run.
            self._state.passed.add(name)
            self._point(f"after {name}")
            if name in NAMED:
                self._point(NAMED[name])
        return result

    def _point(self, name: str) -> None:
        """Call the plug-ins of a point. Raises PassError for what is no error of uruk's."""
        hooks = self._hooks.get(name)
        if not hooks:
            return
        self._state.point = name
        for hook in hooks:
            try:
                hook(self._state)
            # These speak of inputs, and name what is at fault themselves.
            except (UrukError, LinkFaults):
                raise
            except Exception as error:
                raise PassError(name, _name_of(hook), f"{type(error).__name__}: {error}") from error
        now = time.perf_counter()
        self.times.append((name, now - self._last))
        self._last = now


def _name_of(hook: Hook) -> str:
    """Return how a callable is called in errors: ``module.name``, or what it prints as."""
    name = getattr(hook, "__qualname__", None)
    return f"{getattr(hook, '__module__', '?')}.{name}" if name else repr(hook)
