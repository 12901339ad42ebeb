"""``-show-times``: how long the phases of a run took, in the form of LLVM's timers."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

from uruk.named_tuples import NamedTuple

LOAD = "time to load/add object files"
LINK = "time to link object files"
_RULE = f"==={'-' * 73}===\n"
_TITLE = "timers for llvm-jitlink phases"


class Spent(NamedTuple):
    """Seconds that something took."""

    user: float = 0.0
    system: float = 0.0
    wall: float = 0.0

    def plus(self, other: Spent) -> Spent:
        """Return the sum."""
        return Spent(self.user + other.user, self.system + other.system, self.wall + other.wall)


class Timers:
    """The phases of a run by name."""

    def __init__(self) -> None:
        self._spent: dict[str, Spent] = {}

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        """Count what happens inside the `with` as that phase, which may happen several times."""
        before = _now()
        try:
            yield
        finally:
            after = _now()
            spent = Spent(*(now - then for now, then in zip(after, before, strict=True)))
            self._spent[name] = self._spent.get(name, Spent()).plus(spent)

    def text(self) -> str:
        """Return the table, the longest phase first."""
        total = Spent()
        for spent in self._spent.values():
            total = total.plus(spent)
        rows = sorted(self._spent.items(), key=lambda row: -row[1].wall)
        lines = [_line(spent, total, name) for name, spent in rows]
        return (
            f"{_RULE}{_TITLE.rjust(40 + len(_TITLE) // 2)}\n{_RULE}"
            f"  Total Execution Time: {total.user + total.system:.4f} seconds ({total.wall:.4f} wall clock)\n\n"
            "   ---User Time---   --System Time--   --User+System--   ---Wall Time---  --- Name ---\n"
            f"{''.join(lines)}{_line(total, total, 'Total')}\n"
        )


def _now() -> Spent:
    import resource  # not every system has it

    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Spent(usage.ru_utime, usage.ru_stime, time.perf_counter())


def _line(spent: Spent, total: Spent, name: str) -> str:
    columns = (
        (spent.user, total.user),
        (spent.system, total.system),
        (spent.user + spent.system, total.user + total.system),
        (spent.wall, total.wall),
    )
    return "".join(f"   {part:.4f} ({_share(part, whole):5.1f}%)" for part, whole in columns) + f"  {name}\n"


def _share(part: float, whole: float) -> float:
    return 100 * part / whole if whole > 0 else 0.0
