"""Every program of the corpus behaves under `uruk run` as it does when the system linker has linked it."""

from __future__ import annotations

import os
import resource
import shlex
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest
from building import (
    PLACES,
    Builder,
    Built,
    Outcome,
    expected_status,
    needs_arm64_root,
    run_native,
    run_uruk,
    tools_needed,
    uruk_command,
    without_crash,
)
from driver import Case, all_cases

from support.requirements import missing, require_arm64_root, require_tool

pytestmark = pytest.mark.any_interpreter


@pytest.fixture(scope="session")
def build_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder for builds: `URUK_RUN_CACHE` (kept between sessions) or a temporary one."""
    kept = os.environ.get("URUK_RUN_CACHE")
    root = Path(kept) if kept else tmp_path_factory.getbasetemp() / "programs"
    root.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return root


def report(case: Case, built: Built, place: str, native: Outcome, uruk: Outcome) -> str:
    """Return what a person needs to repeat the failure by hand."""
    lines = [f"cd {built.folder}", shlex.join(uruk_command(case, built, place))]
    for name in ("status", "stdout", "stderr"):
        expected, got = getattr(native, name), getattr(uruk, name)
        if expected != got:
            lines += [f"{name}: native {_shorten(expected)}", f"{name}: uruk   {_shorten(got)}"]
    return "\n".join(lines)


def _shorten(value: int | bytes) -> str:
    return str(value) if isinstance(value, int) else repr(value[-3000:])


FAULTS = [-number for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGTRAP)]


def places(case: Case) -> list[str]:
    """Where a case runs."""
    return case.program.words("places") or list(PLACES)


EVERYWHERE = [pytest.param(case, place, id=f"{case.id}-{place}") for case in all_cases() for place in places(case)]


@pytest.mark.parametrize(("case", "place"), EVERYWHERE)
def test_program(case: Case, place: str, build_root: Path) -> None:
    """The native program does what its directives say, and `uruk run` does the same."""
    check(case, place, build_root)


@pytest.mark.parametrize("case", all_cases("aarch64"), ids=lambda case: case.id)
def test_aarch64_program(case: Case, build_root: Path) -> None:
    """The same for AArch64: linked here, run in its executor under the emulator that runs the native program, too."""
    check(case, "wire" if case.flags == ("-fPIC",) else "child", build_root)


def one_of_each() -> list[Case]:
    """Return a case of each program that a Python for AArch64 can run: the first, of gcc where there is one."""
    all_of_it = [case for case in all_cases("aarch64") if case.program.name not in ALIGNED or "-fPIC" in case.flags]
    all_of_it = [case for case in all_of_it if "here" in places(case)]
    cases = {case.program.name: case for case in reversed(all_of_it)}
    return [*reversed(cases.values())]


ALIGNED = {"tls", "tls_alignment"}
"""With thread-locals aligned to more than 16, to which glibc there aligns static storage for Python: to be dynamic."""


@pytest.mark.parametrize("case", one_of_each(), ids=lambda case: case.id)
def test_aarch64_in_process(case: Case, build_root: Path) -> None:
    """In uruk's own process, which is an AArch64 Python under the emulator."""
    check(case, "here", build_root)


def check(case: Case, place: str, build_root: Path) -> None:
    """Build, run both, compare."""
    if needs_arm64_root(case) or (case.arch == "aarch64" and place == "here"):
        require_arm64_root()
    for name in tools_needed(case):
        require_tool(name)
    if any(source.endswith(".zig") for source in case.program.sources()) and not find_spec("ziglang"):
        missing("the ziglang package")
    built = Builder(case, build_root).build()
    native = run_native(case, built)
    assert native.status == expected_status(case), f"native program: {native}"
    uruk = run_uruk(case, built, place)
    refused = case.program.last("error", "")
    if refused:
        assert refused in uruk.stderr.decode(), str(uruk)
        assert (uruk.stdout, uruk.status > 0) == (b"", True), str(uruk)
        return
    if native.status in FAULTS and place != "here":
        uruk = without_crash(uruk)
    if uruk != native:
        pytest.fail(report(case, built, place, native, uruk), pytrace=False)
