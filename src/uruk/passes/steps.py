"""Runs the steps of one link: plug-ins before and after each, and the time that each took."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec, TypeVar

from uruk.errors import PassError, UrukError
from uruk.passes.faults import LinkFaults
from uruk.passes.state import State

Hook = Callable[[State], None]
P = ParamSpec("P")
R = TypeVar("R")


class Steps:
    """``steps(NAME, function, *arguments)`` runs one step. `times` has (name, seconds), plug-ins under their point."""

    def __init__(self, state: State, hooks: Mapping[str, Sequence[Hook]]) -> None:
        """`hooks`: point -> plug-ins. Raises UrukError for a name that is no point."""
        self._named: Mapping[str, str] = {}
        if hooks:  # most links have none, and need not know the points
            from uruk.passes.points import NAMED, check_point

            self._named = NAMED
            points = [check_point(name) for name in hooks]
            if points != list(hooks):  # some by old names of steps
                current: dict[str, list[Hook]] = {}
                for point, plugins in zip(points, hooks.values(), strict=True):
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
        self.times.append((name, now - self._last))
        self._last = now
        if self._hooks:
            self._state.passed.add(name)
            self._point(f"after {name}")
            if name in self._named:
                self._point(self._named[name])
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
            except (UrukError, LinkFaults):
                raise
            except Exception as error:
                raise PassError(name, _name_of(hook), f"{type(error).__name__}: {error}") from error
        now = time.perf_counter()
        self.times.append((name, now - self._last))
        self._last = now


def _name_of(hook: Hook) -> str:
    """How a callable is called in errors: ``module.name``, or what it prints as."""
    name = getattr(hook, "__qualname__", None)
    return f"{getattr(hook, '__module__', '?')}.{name}" if name else repr(hook)
