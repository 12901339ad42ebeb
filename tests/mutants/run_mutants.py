"""Breaks the package in some places, one at a time, and runs the quick tests on each: which changes does none notice?

    python tests/mutants/run_mutants.py --seed 1 [--count 60] [--jobs 2] [--only PART] [--near] [--unchecked] [--list]

Each change is made in a copy of the tree, which is thrown away, also if the program is interrupted or terminated;
`--unchecked` does not run the tests without a change first. `--only` takes the changes of the seed whose key
contains a text; `--near` runs only the tests of folders that are about the changed file. The exit status is 1 if a
change survived, 2 if the tests fail without any.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from places import Mutant, all_mutants, choose

ROOT = Path(__file__).resolve().parents[2]
MEMORY = 8 << 20
"""KiB that a process of the tests may write: a change may make a loop that fills memory."""
SLOWEST, PATIENCE = 5, 300.0
"""A run that takes so many times as long as the first one, and so many seconds, is taken for endless."""

NOT_RUN = ("test_tidy.py", "house/test_rooms.py", "docs/", "mutants/")
"""Tests that read sources and run none of the package."""
LIKELY = {
    "passes/coff": "formats/coff formats relocations passes",
    "formats/coff": "formats/coff formats relocations",
    "passes/tls": "tls relocations passes",
    "passes/elf": "unwind passes relocations formats/elf",
    "passes": "relocations passes placement graph unwind tls",
    "formats/archive": "formats/archive formats/elf formats",
    "formats/elf/carrier": "tls formats/elf",
    "formats/elf/slab": "memory formats/elf unwind",
    "passes/placement": "placement passes errors relocations",
    "passes/undefined": "errors passes",
    "passes/fixup": "relocations passes errors placement",
    "formats/elf": "formats/elf relocations graph cli passes formats/archive unwind",
    "formats": "formats",
    "graph": "graph relocations passes cli",
}
"""Where a change is made (the first that fits) -> the folders whose tests run first."""


@dataclass(frozen=True)
class Outcome:
    """What the tests said of a change; `noticed_by` is empty for a survivor."""

    mutant: Mutant
    noticed_by: str
    seconds: float


def copy_tree(target: Path) -> None:
    """Copies the project's files and what `make runtime` has built."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode().split("\0")
    for name in listed:
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    shutil.copytree(ROOT / "build" / "runtime", target / "build" / "runtime")


def quick_tests() -> list[str]:
    """The files of quick tests, below `tests/`."""
    folder = ROOT / "tests"
    found = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("test_*.py"))
        if "pytest.mark.quick" in path.read_text(encoding="utf-8")
    ]
    return [name for name in found if not name.startswith(NOT_RUN)]


def by_nearness(tests: list[str], file: str) -> tuple[list[str], list[str]]:
    """The tests that are about the changed file, the likeliest first, and the others."""
    places = next((words for start, words in LIKELY.items() if file.startswith(start)), "").split()
    folders = [name.rpartition("/")[0] for name in tests]
    near = [name for place in places for name, folder in zip(tests, folders, strict=True) if folder == place]
    return near, [name for name in tests if name not in near]


RUNNING: set[int] = set()
"""Process groups of tests."""
STOPPED = threading.Event()
"""Set once no more tests are to be started."""


def run_tests(tree: Path, tests: list[str], deadline: float | None) -> str:
    """Run tests in a copy until one fails; its name, or what else ended them, or nothing."""
    temporary = tree.parent / f"{tree.name}-temporary"
    temporary.mkdir()
    environment = os.environ | {
        "PYTHONPATH": f"{tree / 'src'}", "TMPDIR": str(temporary), "URUK_CACHE_DIR": str(tree.parent / "cache"),
    }  # fmt: skip
    pytest = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "quick", "--tb=no", "-p", "no:cacheprovider"]
    command = ["sh", "-c", f'ulimit -d {MEMORY}; exec "$@"', "sh", *pytest, *(f"tests/{name}" for name in tests)]
    if STOPPED.is_set():
        return "not run"
    process = subprocess.Popen(
        command, cwd=tree, env=environment, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    RUNNING.add(process.pid)
    try:
        output, _ = process.communicate(timeout=deadline)
    except subprocess.TimeoutExpired:
        return f"no end within {deadline:.0f} s"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        RUNNING.discard(process.pid)
        shutil.rmtree(temporary, ignore_errors=True)
    if process.returncode == 0:
        return ""
    named = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    return named[1] if named else f"the tests ended with {process.returncode}: {output.strip()[-200:]}"


def try_mutant(mutant: Mutant, trees: SimpleQueue[Path], tests: list[str], near: bool, deadline: float) -> Outcome:
    """Make one change in a copy that nobody uses, run the tests, and take the change back."""
    tree = trees.get()
    path = tree / "src" / "uruk" / mutant.file
    text, start = path.read_text(encoding="utf-8"), time.monotonic()
    try:
        path.write_text(mutant.apply(text), encoding="utf-8")
        likely, others = by_nearness(tests, mutant.file)  # apart: reading all files takes longer than most runs
        noticed_by = run_tests(tree, likely, deadline) if likely else ""
        if not noticed_by and not near:
            noticed_by = run_tests(tree, others, deadline)
    finally:
        path.write_text(text, encoding="utf-8")
        trees.put(tree)
    return Outcome(mutant, noticed_by, time.monotonic() - start)


def try_all(chosen: list[Mutant], folder: Path, jobs: int, near: bool, checked: bool) -> list[Outcome]:
    """Try every change, and print what becomes of each; ends the program if the tests fail without any."""
    trees: SimpleQueue[Path] = SimpleQueue()
    for number in range(jobs):
        copy_tree(folder / str(number))
        trees.put(folder / str(number))
    tests, start = quick_tests(), time.monotonic()
    if checked and (failed := run_tests(folder / "0", tests, None)):
        print(f"the tests fail without a change: {failed}")
        sys.exit(2)
    deadline = PATIENCE + SLOWEST * (time.monotonic() - start)
    print(f"{len(tests)} files of tests take {time.monotonic() - start:.0f} s; {len(chosen)} changes", flush=True)
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(jobs) as pool:
        tried = pool.map(partial(try_mutant, trees=trees, tests=tests, near=near, deadline=deadline), chosen)
        try:
            for outcome in tried:
                outcomes.append(outcome)
                said = f"noticed by {outcome.noticed_by}" if outcome.noticed_by else "SURVIVED"
                print(f"{len(outcomes):3} {outcome.seconds:4.0f} s  {told(outcome.mutant)}\n{'':12}{said}", flush=True)
        except BaseException:  # a signal: what runs would keep the pool, and with it the copies
            stop()
            raise
    return outcomes


def stop() -> None:
    """Start no more tests, and end those that run."""
    STOPPED.set()
    for group in list(RUNNING):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def _terminated(number: int, _: object) -> None:
    """Leave as by an interruption, so that nothing stays behind."""
    sys.exit(128 + number)


def told(mutant: Mutant) -> str:
    """Where a change is, and what it is."""
    return f"src/uruk/{mutant.file}:{mutant.line} {mutant.function}: {mutant.before} -> {mutant.after}"


def main() -> int:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--near", action="store_true")
    parser.add_argument("--unchecked", action="store_true")
    parser.add_argument("--list", action="store_true", help="print the changes and run nothing")
    arguments = parser.parse_args()
    chosen = choose(all_mutants(ROOT / "src" / "uruk"), arguments.seed, arguments.count)
    chosen = [mutant for mutant in chosen if arguments.only in mutant.key]
    if arguments.list:
        for mutant in chosen:
            print(told(mutant))
        return 0
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGINT, _terminated)  # a shell ignores it for what it runs in the background
    checked = not (arguments.near or arguments.unchecked)
    with tempfile.TemporaryDirectory(prefix="uruk-mutants-", ignore_cleanup_errors=True) as folder:
        outcomes = try_all(chosen, Path(folder), arguments.jobs, arguments.near, checked)
    survivors = [outcome.mutant for outcome in outcomes if not outcome.noticed_by]
    print(f"\n{len(outcomes) - len(survivors)} of {len(outcomes)} changes were noticed; survivors, by their keys:")
    for mutant in survivors:
        print(f"  src/uruk/{mutant.file}:{mutant.line}\n    {mutant.key}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
