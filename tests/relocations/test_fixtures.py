"""Every relocation of every format and architecture: its value, and both edges of its range; see README.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from uruk import LLJIT, FixedMemory, Options
from uruk.errors import OutOfRange, UnsupportedRelocation
from uruk.formats.coff import aarch64 as coff_aarch64
from uruk.formats.coff import x86_64 as coff_x86_64
from uruk.formats.elf import aarch64 as elf_aarch64
from uruk.formats.elf import x86_64 as elf_x86_64

from support.check_language import Evaluator
from support.relocation_fixtures import Fixture, all_fixtures

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

FIXTURES = all_fixtures()
BASE = 0x40000000
"""The address of the memory: absolute symbols of small values are in reach of 32-bit distances."""
LARGE = 1 << 61
"""A number with which no value that has a range fits: the error says what the value would be without it."""
NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


def link(fixture: Fixture, number: int, *, text: str = "") -> Evaluator:
    """Link a fixture with its number in place; returns an evaluator over what is written, with the `let`s known."""
    mode, _, name = fixture.words.get("moves", "").partition(" ")
    options = Options(execute=False, architecture=fixture.target)
    expressions = " ".join((*fixture.checks, *(expression for _, expression in fixture.lets)))
    known = {"addend": number} | ({name: number} if name else {})
    labels = set(NAME.findall(expressions)) - known.keys() - {let for let, _ in fixture.lets}
    memory = FixedMemory(BASE, 1 << 20)
    with LLJIT(memory=memory, options=options) as jit:
        if mode == "define":
            jit.define(name, number % (1 << 64))
        jit.add_objects(fixture.objects(number, text=text), "fixture.o")
        found = jit.lookup_all(["site", *labels])
        known |= {label: found[label].address for label in labels}
        evaluator = Evaluator(known, memory.read)
        for let, expression in fixture.lets:
            known[let] = evaluator.value(expression)
        content = memory.read(BASE, memory.end - BASE)
    return Evaluator(known, lambda address, size: content[address - BASE : address - BASE + size])


def check(fixture: Fixture, number: int) -> None:
    """Link, and check every rule."""
    evaluator = link(fixture, number)
    for rule in fixture.checks:
        evaluator.check(rule)


def refusal(fixture: Fixture, number: int) -> OutOfRange:
    """The error of a link with a number that does not fit."""
    with pytest.raises(OutOfRange) as caught:
        link(fixture, number)
    return caught.value


def over(word: str) -> pytest.MarkDecorator:
    """All fixtures that have a directive."""
    chosen = [fixture for fixture in FIXTURES if word in fixture.words]
    return pytest.mark.parametrize("fixture", chosen, ids=lambda fixture: f"{fixture.folder}-{fixture.name}")


WITHOUT_RANGE = [fixture for fixture in FIXTURES if "range" not in fixture.words]


@pytest.mark.parametrize("fixture", WITHOUT_RANGE, ids=lambda fixture: f"{fixture.folder}-{fixture.name}")
def test_values(fixture: Fixture) -> None:
    for number in fixture.numbers("numbers") or [0]:
        check(fixture, number)
    for number in fixture.numbers("outside"):
        assert refusal(fixture, number).kind == fixture.words["kind"]


@over("range")
def test_both_edges(fixture: Fixture) -> None:
    """The last values that fit are written; the first that do not are errors that say what would."""
    low, high, step = fixture.limits
    base = refusal(fixture, LARGE).value - LARGE
    for value in sorted({low, high, max(low, 0)}):
        check(fixture, value - base)
    for value in (low - step, high + step):
        error = refusal(fixture, value - base)
        assert (error.kind, error.value, error.low, error.high) == (fixture.words["kind"], value, low, high + step)
        assert error.symbol == fixture.words.get("symbol", "target")
        assert re.fullmatch(r"fixture\.o:\(\.\w+\+0x[0-9a-f]+\)", error.place)
        assert error.more == 0
        assert f"[{low:#x}, {high + step:#x})" in str(error)
    if fixture.words["range"].endswith("aligned"):
        for value in (low + 1, high - 1):
            with pytest.raises(OutOfRange, match="multiple"):
                link(fixture, value - base)


@over("refused")
def test_another_instruction(fixture: Fixture) -> None:
    """A word without such a field is left as it is, and is an error."""
    number = -(refusal(fixture, LARGE).value - LARGE) if "range" in fixture.words else fixture.numbers("numbers")[0]
    text = re.sub(r"^site: .*$", f"site: {fixture.words['refused']}", fixture.text, count=1, flags=re.MULTILINE)
    with pytest.raises(UnsupportedRelocation, match=r"no such field \(0xd503201f\)"):
        link(fixture, number, text=text)


@pytest.mark.parametrize(
    ("folder", "numbers"),
    [
        ("elf_x86_64", elf_x86_64.RELOCATIONS), ("elf_aarch64", elf_aarch64.RELOCATIONS),
        ("coff_x86_64", coff_x86_64.RELOCATIONS), ("coff_aarch64", coff_aarch64.RELOCATIONS),
    ],
)  # fmt: skip
def test_every_relocation_has_a_fixture(folder: str, numbers: dict[int, object]) -> None:
    covered: set[int] = set()
    for fixture in FIXTURES:
        if fixture.folder == folder:
            covered |= fixture.types
    assert covered | {0} == set(numbers) | {0}


def test_after_an_error_the_session_links_on() -> None:
    fixture = next(fixture for fixture in FIXTURES if fixture.name == "pointer8")
    with LLJIT(memory=FixedMemory(BASE, 1 << 20), options=Options(execute=False)) as jit:
        for turn in range(3):
            jit.define(f"target{turn}", 256)
            far = fixture.text.replace("site", f"site{turn}").replace("target", f"target{turn}")
            jit.add_objects(fixture.objects(0, text=far))
            with pytest.raises(OutOfRange):
                jit.lookup(f"site{turn}")
            jit.define(f"near{turn}", 255)
            near = fixture.text.replace("site", f"fits{turn}").replace("target", f"near{turn}")
            jit.add_objects(fixture.objects(0, text=near))
            address = jit.lookup(f"fits{turn}").address
            memory = jit.executor.memory
            assert isinstance(memory, FixedMemory)
            assert memory.read(address, 1) == b"\xff"


def test_the_folders_are_those_of_the_targets() -> None:
    folders = {path.parent.name for path in Path(__file__).parent.glob("*/*.s")}
    assert folders == {fixture.folder for fixture in FIXTURES}
