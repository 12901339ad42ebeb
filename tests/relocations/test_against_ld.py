"""The objects of fixtures, linked by GNU ld at the addresses that uruk gave their sections: the same bytes.

Fixtures of a GOT and of thread-locals are left out: where the two linkers put these is their own affair.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from uruk import LLJIT, FixedMemory, Options
from uruk.errors import OutOfRange
from uruk.formats.elf import aarch64, x86_64
from uruk.graph.kinds import Base, Operand

from support.placed_by_ld import Recorder, contents_by_ld
from support.relocation_fixtures import Fixture, all_fixtures

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

KINDS = {"elf_x86_64": x86_64, "elf_aarch64": aarch64}
BASE = 0x40000000
LARGE = 1 << 61
"""A number with which no value that has a range fits."""


def is_plain(fixture: Fixture) -> bool:
    """True if all relocations only need symbols and places, and the number to move is in the object."""
    pair = KINDS.get(fixture.folder)
    if fixture.name == "data-PLT32":  # GNU ld 2.40 does not know it
        return False
    if pair is None or not fixture.words.get("moves", "addend").startswith("addend"):
        return False
    kinds = [pair.KINDS[pair.KINDS.number[pair.RELOCATIONS[number][1]]] for number in fixture.types]
    plain = (Base.ZERO, Base.PLACE, Base.PAGE)
    return all(kind.operand in (Operand.SYMBOL, Operand.BRANCH) and kind.base in plain for kind in kinds)


PLAIN = [fixture for fixture in all_fixtures() if is_plain(fixture)]


def linked(fixture: Fixture, number: int) -> Recorder:
    """Every section of a fixture as it is linked with a number."""
    recorder, options = Recorder(), Options(execute=False, architecture=fixture.target)
    with LLJIT(memory=FixedMemory(BASE, 1 << 20), options=options) as jit:
        jit.session.hooks["post-fixup"] = [recorder]
        jit.add_objects(fixture.objects(number), "fixture.o")
        jit.lookup("site")
    return recorder


def numbers_of(fixture: Fixture) -> list[int]:
    """Numbers to link with: the fixture's own, or those with which values are at both edges, 0, and a bit above it."""
    if "range" not in fixture.words:
        return fixture.numbers("numbers") or [0]
    with pytest.raises(OutOfRange) as caught:
        linked(fixture, LARGE)
    low, high, step = fixture.limits
    # GNU ld takes data of 32 and 16 bits with a sign or without, AAELF64 either way.
    values = {low, high, 0, 4 * step} if "refused" in fixture.words else {0, 4}
    return [value - (caught.value.value - LARGE) for value in sorted(values)]


@pytest.mark.parametrize("fixture", PLAIN, ids=lambda fixture: f"{fixture.folder}-{fixture.name}")
def test_the_same_bytes(fixture: Fixture, tmp_path: Path) -> None:
    for number in numbers_of(fixture):
        recorder = linked(fixture, number)
        path = tmp_path / "fixture.o"
        path.write_bytes(fixture.objects(number)[0])
        by_ld = contents_by_ld(tmp_path, fixture.target.architecture, [path], recorder.placed)
        for placed, content in by_ld.items():
            assert content == placed.content, f"{placed.section} with {number:#x}"


def test_most_are_compared() -> None:
    assert len(PLAIN) > 35
