"""The stress as a program: ``python tests/stress/program.py --seed 1 --seconds 20 --workers 3``.

Its exit status is 0 if nothing went wrong. It says what it did, and what went wrong, on its standard error.
"""

from __future__ import annotations

import argparse
import faulthandler
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from extras import FullWorker
from pieces import Pieces
from world import World

import uruk

PATIENCE = 60.0
"""Seconds that one action may take."""


def watch(world: World, workers: list[FullWorker]) -> None:
    """Wait for all threads; where one does not get on, show where all of them are."""
    while any(worker.is_alive() for worker in workers):
        time.sleep(0.05)
        late = [one for one in workers if one.is_alive() and time.monotonic() - one.since > PATIENCE]
        if late:
            world.fail(f"{', '.join(f'{one.name} in {one.doing}' for one in late)}: no end in sight")
            faulthandler.dump_traceback(all_threads=True)
            return


def leftovers(world: World) -> list[str]:
    """What is left after everything was removed, and then after the end."""
    session, found = world.jit.session, list[str]()
    for shared in world.changing:
        found += [f"{shared.name} was {answer}, of {shared.versions}" for answer in shared.wrong_answers()[:3]]
    for dylib in list(session.dylibs.values())[::-1]:
        dylib.remove(force=True)
    facts = {
        "entries": session.objects, "pending entries": session.pending, "trackers": session.trackers,
        "retired trackers": session.retired, "questions to generators": session.asking,
        "initialisers that wait": session.initializers.waiting, "initialisers that run": session.initializers.running,
        "names with owners": np.flatnonzero(session.table.owner >= 0).tolist(),
        "names that are ready": np.flatnonzero(session.table.ready).tolist(),
        "storage of thread-locals": session.storage_of, "groups": np.flatnonzero(session.table.group >= 0).tolist(),
    }  # fmt: skip
    found += [f"{what} are left: {str(left)[:500]}" for what, left in facts.items() if left]
    memory = session.executor.memory
    found += [f"{slab.used} bytes of a slab are left" for slab in memory.slabs if slab.used]
    world.jit.close()
    found += ["slabs are left after the end"] if memory.slabs else []
    time.sleep(uruk.ThreadPoolDispatcher.IDLE + 0.5)
    waiting = [one.name for one in threading.enumerate() if one.name.startswith(("uruk", "stress"))]
    return found + ([f"threads are left: {', '.join(waiting)}"] if waiting else [])


def run(seed: int, seconds: float, workers: int, threads: int) -> list[str]:
    """Stress a session whose dispatcher has so many `workers` (0: none of its own); returns what went wrong."""
    dispatcher = uruk.ThreadPoolDispatcher(workers) if workers else uruk.InlineDispatcher()
    with tempfile.TemporaryDirectory(prefix="uruk-stress-") as folder:
        pieces = Pieces(Path(folder))
    world = World(pieces, dispatcher, seed, seconds)
    running = [FullWorker(world, number) for number in range(threads)]
    for worker in running:
        worker.start()
    watch(world, running)
    print(", ".join(f"{count} {name}" for name, count in sorted(world.counts.items())), file=sys.stderr)
    if not world.failures:
        world.failures += leftovers(world)
    return world.failures


def main() -> int:
    """See above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--threads", type=int, default=6)
    chosen = parser.parse_args()
    faulthandler.enable()
    faulthandler.register(signal.SIGALRM, all_threads=True, chain=True)  # of forked children
    faulthandler.dump_traceback_later(chosen.seconds + 2 * PATIENCE, exit=True)
    sys.setswitchinterval(0.0005)
    failures = run(chosen.seed, chosen.seconds, chosen.workers, chosen.threads)
    for failure in failures:
        print(failure, file=sys.stderr)
    sys.stderr.flush()
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
