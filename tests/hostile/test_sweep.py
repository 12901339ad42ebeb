"""Many broken objects, each parsed, linked, thrown beside and removed in processes of their own: no crash, no hang, no
other exception.

URUK_HOSTILE_CASES: how many of each corpus (2,000 by default; `make soak` has 200,000). URUK_HOSTILE_SEED: other ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.sample_objects import build_aarch64, build_thrower, run

pytestmark = pytest.mark.any_interpreter

HERE = Path(__file__).parent
PATHS = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "src")]
"""Where a process of the sweep finds its modules, those of tests/support and the package."""
PROCESSES = 2
CASES = int(os.environ.get("URUK_HOSTILE_CASES", "2000"))
SEED = os.environ.get("URUK_HOSTILE_SEED", "1")
SLOWEST = 20  # cases a second that even a slow machine does


def start(folder: Path, number: int, of: int = PROCESSES) -> subprocess.Popen[str]:
    """Start one process of the sweep."""
    paths = [*PATHS, os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, str(HERE / "sweep.py"), str(folder), str(number), str(of), str(CASES), SEED]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_sweep(tmp_path: Path, objects: dict[str, bytes]) -> None:
    build_thrower(tmp_path)
    for name, data in objects.items():
        (tmp_path / f"{name}.o").write_bytes(data)
    for name, members in (("gnu", ["gcc.o", "cpp.o"]), ("bsd", ["clang.o", "tls.o"])):
        run(tmp_path, "llvm-ar-19", f"--format={name}", "rcs", f"{name}.a", *members)
    outcomes = finish([start(tmp_path, number) for number in range(PROCESSES)], tmp_path)
    assert all(one.get("linked from an archive", 0) > 0 for one in outcomes)


def test_sweep_of_aarch64(tmp_path: Path) -> None:
    build_thrower(tmp_path)
    for name, data in build_aarch64(tmp_path).items():
        (tmp_path / f"{name}.o").write_bytes(data)
    finish([start(tmp_path, 0, 1)], tmp_path)


def finish(running: list[subprocess.Popen[str]], folder: Path) -> list[dict[str, int]]:
    """Wait for the processes, and look at what they found; returns their outcomes."""
    outcomes: list[dict[str, int]] = []
    try:
        for number, process in enumerate(running):
            output, errors = process.communicate(timeout=CASES / SLOWEST + 120)
            case = (folder / f"case.{number}").read_text(errors="replace").strip()
            assert process.returncode == 0, f"died with {process.returncode} in: {case}\n{errors[-2000:]}"
            result = json.loads(output.splitlines()[-1])
            assert not result["failures"], f"seed {SEED}\n" + "\n\n".join(result["failures"])
            assert result["cases"] >= CASES // len(running)
            assert result["registered"] >= result["outcomes"]["linked"] // 2
            assert result["outcomes"].get("linked", 0) > 0
            assert result["outcomes"].get("refused by the reader", 0) > 0
            outcomes.append(result["outcomes"])
        return outcomes
    finally:
        for process in running:
            if process.poll() is None:
                process.kill()


def test_the_sweep_notices(tmp_path: Path, objects: dict[str, bytes]) -> None:
    """A write behind the allocation, a wrong exception and a crash are seen."""
    program = (
        "import os, sys\n"
        "import sweep\n"
        "runner = sweep.Runner(open(sys.argv[1], 'rb').read(), sys.argv[2])\n"
        "def oops(): raise IndexError('oops')\n"
        "runner.run('exception', oops)\n"
        "at, _ = runner.guard._watched[0]\n"
        "def scribble():\n"
        "    runner.guard._slab.image[at] ^= 1\n"
        "    return b''\n"
        "runner.run('write', scribble)\n"
        "print(len(runner.failures), 'oops' in runner.failures[0], 'outside' in runner.failures[1])\n"
    )
    (tmp_path / "good.o").write_bytes(objects["good"])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS)}
    command = [sys.executable, "-c", program, str(tmp_path / "good.o"), str(build_thrower(tmp_path))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["2", "True", "True"], done.stderr


def test_the_sweep_registers_what_is_there(tmp_path: Path, objects: dict[str, bytes]) -> None:
    """An object without names links nothing: unwind data of an earlier link, which failed at its end, is not used."""
    program = (
        "import sys\n"
        "import sweep\n"
        "runner = sweep.Runner(open(sys.argv[1], 'rb').read(), sys.argv[2])\n"
        "runner.unwinder._linked = [8]\n"
        "print(runner.link(open(sys.argv[3], 'rb').read()))\n"
    )
    (tmp_path / "good.o").write_bytes(objects["good"])
    (tmp_path / "nameless.c").write_text("static int nobody(void) { return 1; }\n")
    run(tmp_path, "gcc", "-w", "-c", "nameless.c")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS)}
    files = [str(tmp_path / "good.o"), str(build_thrower(tmp_path)), str(tmp_path / "nameless.o")]
    command = [sys.executable, "-c", program, *files]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "linked\n"), done.stderr
