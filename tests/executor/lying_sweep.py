"""Runs sessions with an executor that lies once in each; run as a program, so that a crash is one process's.

    lying_sweep.py FOLDER TARGET EXECUTOR SHARED NUMBER SEED

EXECUTOR is a program, or empty for uruk's own of TARGET; SHARED is 1 for shared memory. NUMBER cases are drawn by SEED
from all messages of a session, each with a field of a word or two changed, bytes flipped, or a wrong length. Prints one
JSON line: the outcomes, and the failures. Allowed are success and any UrukError but InternalError, in bounded time.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import uruk
from uruk.errors import InternalError, UrukError
from uruk.executor import llvm_services
from uruk.runtime_files import executor_program
from uruk.spawning import launcher_of

LIAR = [sys.executable, "-S", str(Path(__file__).parent / "liar.py")]
CASE_SECONDS = 20.0
DEADLINES = {"x86_64-linux": 1.0, "x86_64-windows": 4.0}
"""Seconds that any step may take. A process under wine takes a while to start on a machine that is at work."""
LIBRARIES = {"x86_64-linux": "stdc++", "x86_64-windows": "msvcrt"}
WORDS = (
    0, 1, 2, 3, 8, 15, 127, 4095, 4096, 65535, 0x7FFFFFFF, 1 << 31, 0xFFFFFFFF, 1 << 32, 1 << 40, 1 << 47, 1 << 56,
    (1 << 62) - 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 4096, (1 << 64) - 8, (1 << 64) - 1,
)  # fmt: skip


class TooSlowError(BaseException):
    """A case that ran into its time limit."""


class Session:
    """What is done with each executor: everything that asks it something."""

    def __init__(self, folder: Path, target: str, executor: str, shared: bool) -> None:
        self.target = target
        self.deadline = DEADLINES[target]
        self.objects = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.o"))}
        self.executor = executor
        self.shared = shared

    def run(self, lie: dict[str, object], log: str = "") -> None:
        program = self.executor or executor_program(self.target)
        there = uruk.spawn(
            target=self.target,
            executor=program,
            launcher=[*LIAR, json.dumps(lie), log, *launcher_of(self.target, {})[0]],
            shared_memory=self.shared,
            deadline=self.deadline,
            patience=self.deadline,
        )
        with uruk.LLJIT(executor=there) as jit:
            there.process.deadline = self.deadline
            tracker = jit.add_object(self.objects["plain"], "plain.o")
            jit.add_object(self.objects["throws"], "throws.o")
            if "lazy" in self.objects:
                jit.add_object(self.objects["lazy"], "lazy.o", lazy=True)
            jit.add_library(LIBRARIES[self.target])
            twice = there.callback("int(int)", lambda number: 2 * number)
            use = jit.lookup("use").function("int(int, void *)")
            value = use(20, twice.address)
            caught = jit.lookup("catches").function("int(int)")(7)
            there.array(jit.lookup("numbers").address, 8, "<i4").tolist()
            self.right = (value, caught) == (42, 7)
            tracker.remove(force=True)


def changed(chance: random.Random, sizes: list[int]) -> dict[str, object]:
    """A lie about one message, those with more fields more often."""
    frame = chance.choices(range(len(sizes)), [min(size, 400) for size in sizes])[0]
    size = sizes[frame]
    kind = chance.random()
    if kind < 0.08:
        return {"frame": frame, "cut": chance.randrange(32, size + 1)}
    if kind < 0.16:
        return {"frame": frame, "add": chance.randbytes(chance.choice((1, 8, 100, 70_000))).hex()}
    if kind < 0.22:  # the header: kind, number, tag
        at = chance.choice((8, 16, 24))
        return {"frame": frame, "changes": [[at, chance.choice(WORDS).to_bytes(8, "little").hex()]]}
    if kind < 0.5:  # what a function or service returns: an address, a size, a handle; the latter after a flag
        at = 32 + chance.choice((0, 0, 1))
        return {"frame": frame, "changes": [[at, chance.choice(WORDS).to_bytes(8, "little").hex()]]}
    changes: list[tuple[int, str]] = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        if size <= 32:
            break
        at = 32 + chance.randrange(size - 32)
        width = chance.choice((1, 4, 8, 8, 8))
        value = chance.choice((*WORDS, chance.getrandbits(64)))
        if width == 8 and chance.random() < 0.8:
            at = 32 + (at - 32) // 8 * 8 + chance.choice((0, 0, 0, 1))  # after a flag of one byte words are odd
        changes.append((at, (value % (1 << 8 * width)).to_bytes(width, "little").hex()))
    return {"frame": frame, "changes": changes}


def guarded(run: Callable[[], None]) -> str:
    """What came of a case; empty text before a colon says that it is a failure."""
    signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
    try:
        run()
        return "well"
    except TooSlowError:
        return f": took more than {CASE_SECONDS} s\n{traceback.format_exc(limit=-6)}"
    except InternalError:
        return f": {traceback.format_exc(limit=-6)}"
    except UrukError as error:
        return type(error).__name__ if str(error) else f": an empty text of {type(error).__name__}"
    except Exception:
        return f": {traceback.format_exc(limit=-6)}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def stop(*_: object) -> None:
    raise TooSlowError


def main() -> None:
    """See the module's text."""
    folder, target, executor, shared = Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] == "1"
    number, seed = int(sys.argv[5]), int(sys.argv[6])
    llvm_services.FIRST_CALL = DEADLINES[target]
    signal.signal(signal.SIGALRM, stop)
    session = Session(folder, target, executor, shared)
    log = folder / f"log.{seed}"
    failures: list[str] = []
    log.unlink(missing_ok=True)
    truth = guarded(lambda: session.run({}, str(log)))
    if truth != "well" or not session.right:
        print(truth, file=sys.stderr)
        failures.append(f"without a lie: {truth}")
    sizes = [int(line.split()[0]) for line in log.read_text().splitlines()]
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()
    begin = time.monotonic()
    for _ in range(number):
        lie = changed(chance, sizes)
        (folder / f"case.{seed}").write_text(json.dumps(lie))
        outcome = guarded(lambda lie=lie: session.run(lie))
        name, failed, text = outcome.partition(": ")
        outcomes[name] += 1
        if failed:
            failures.append(f"{json.dumps(lie)}\n{text}")
    seconds = time.monotonic() - begin
    print(json.dumps({"frames": len(sizes), "outcomes": outcomes, "failures": failures, "seconds": seconds}))


if __name__ == "__main__":
    main()
