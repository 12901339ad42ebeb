"""Where a batch must lie: what its references ask of the memory manager, before anything is placed."""

from __future__ import annotations

import pytest

import uruk
from uruk.memory.fixed import FixedMemory
from uruk.memory.mapper import Reach
from uruk.passes.placement import reach_of
from uruk.passes.state import State
from uruk.target import Target

from support.compiling import Compile

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

LOW = 1 << 31


def asked(cc: Compile, architecture: str, source: str, *flags: str) -> Reach:
    """The reach of one object's link."""
    found: list[Reach] = []

    def look(state: State) -> None:
        found.append(reach_of(state))

    family = "gcc" if architecture == "x86_64" else "aarch64-gcc"
    options = uruk.Options(execute=False, architecture=Target("elf", architecture, "linux"))
    with uruk.LLJIT(memory=FixedMemory(0x10000, 1 << 20), options=options) as jit:
        jit.session.hooks["post-allocate"] = [look]
        jit.add_object(cc(source, "-O1", *flags, family=family))
        jit.lookup("f")
    return found[0]


DATA = "static int here[9]; int *f(int x) { return here + x; }"
ALONE = "int f(int x) { return x + 1; }"


@pytest.mark.parametrize(
    ("architecture", "source", "flags", "expected"),
    [
        ("x86_64", ALONE, ("-fPIC",), Reach(0, 0, False)),
        ("x86_64", DATA, ("-fPIC",), Reach(0, 0, False)),
        ("x86_64", DATA, ("-fno-pie", "-mcmodel=small"), Reach(0, LOW, False)),
        ("aarch64", ALONE, ("-fPIC",), Reach(0, 0, False)),
        ("aarch64", DATA, ("-fPIC",), Reach(0, 0, False)),
        ("aarch64", DATA, ("-fno-pie", "-mcmodel=tiny"), Reach(0, 0, True)),
        ("aarch64", "int f(int x) { if (x) __builtin_trap(); return x; }", ("-mcmodel=tiny",), Reach(0, 0, False)),
    ],
)
def test_code_and_its_own_data(
    architecture: str, source: str, flags: tuple[str, ...], expected: Reach, cc: Compile
) -> None:
    """Low for 32-bit absolute fields, close together for fields that reach a MiB; else anywhere."""
    assert asked(cc, architecture, source, *flags) == expected
