"""Check the native half of the corpus: every case builds, meets its directives, and prints the same twice.

    python tests/program/check_native.py [--uruk] [PATTERN...]

PATTERN is a part of a case's name. `--uruk` also runs `uruk run` and lists what differs. Builds go to
`URUK_RUN_CACHE`, by default `build/run` in the repository.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from building import ROOT, Builder, BuildError, expected_status, run_native, run_uruk, tools_needed
from driver import Case, all_cases


def check(case: Case, root: Path, with_uruk: bool) -> str:
    """Return what is wrong with a case, or an empty string."""
    missing = [name for name in tools_needed(case) if shutil.which(name) is None]
    if missing:
        return f"missing tools: {missing}"
    try:
        built = Builder(case, root).build()
        first, second = run_native(case, built), run_native(case, built)
    except (BuildError, subprocess.TimeoutExpired) as error:
        return str(error)
    if first.status != expected_status(case):
        return f"status {first.status}: {first}"
    if first != second:
        return f"not deterministic:\n{first}\n{second}"
    return check_uruk(case, root) if with_uruk else ""


def check_uruk(case: Case, root: Path) -> str:
    """Return how `uruk run` differs from the native program, or an empty string."""
    built = Builder(case, root).build()
    native = run_native(case, built)
    try:
        uruk = run_uruk(case, built)
    except subprocess.TimeoutExpired as error:
        return str(error)
    refused = case.program.last("error", "")
    if refused:
        return "" if refused in uruk.stderr.decode() and uruk.status > 0 else f"not refused: {uruk}"
    return "" if uruk == native else f"native {native}\nuruk   {uruk}"


def main(arguments: list[str]) -> int:
    """Check the cases that the patterns select and print one line each, details for failures."""
    with_uruk = "--uruk" in arguments
    patterns = [a for a in arguments if a != "--uruk"]
    root = Path(os.environ.get("URUK_RUN_CACHE", ROOT / "build" / "run"))
    cases = [c for c in all_cases() if not patterns or any(p in c.id for p in patterns)]
    start = time.monotonic()
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        for case, problem in zip(cases, pool.map(partial(check, root=root, with_uruk=with_uruk), cases), strict=True):
            failed += bool(problem)
            print(f"{'FAIL' if problem else 'ok  '} {case.id}")
            if problem:
                print("    " + problem.replace("\n", "\n    "))
    print(f"{len(cases)} cases, {failed} failed, {time.monotonic() - start:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
