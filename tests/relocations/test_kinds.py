"""Every x86-64 relocation: its value, and both edges of its range, by moving one number of a fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from uruk import LLJIT
from uruk.errors import OutOfRange
from uruk.formats.elf import x86_64 as elf_x86_64
from uruk.isa.x86_64 import KINDS

from support.check_fixtures import SLAB, Fixture, all_fixtures, assemble
from support.evaluate import Evaluator

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

FIXTURES = all_fixtures()
WITH_EDGES = [fixture for fixture in FIXTURES if "kind" in fixture.words]


class Bench:
    """Links one fixture again and again at the same place, each time with another number."""

    def __init__(self, fixture: Fixture) -> None:
        self.fixture = fixture
        self.jit = LLJIT(slab_size=SLAB)
        self.tracker = self.jit.add_object(assemble(".text; .globl probe; probe: ret"), "probe.o")
        probe = self.jit.lookup("probe").address
        self.start = probe if fixture.words.get("start") == "near" else 0
        self.number = 0

    def link(self, number: int) -> Evaluator:
        """Take the last link out and link anew with the number in place; returns an evaluator over it."""
        self.number = number
        known = {"addend": number}
        self.tracker.remove()
        if "define" in self.fixture.words:  # a definition stays, so that each takes a session of its own
            self.jit.close()
            self.jit = LLJIT(slab_size=SLAB)
            known = {self.fixture.words["define"]: number}
            self.jit.define(self.fixture.words["define"], number % (1 << 64))
        self.tracker = self.jit.add_objects(self.fixture.objects(number), "fixture.o")
        self.jit.lookup("site")
        return Evaluator(lambda name: self.jit.lookup(name).address, known)

    def edge(self, word: str) -> int:
        """The number at which the value is the lowest, or highest, that fits."""
        return self.link(self.start).value(self.fixture.words[word])


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    one = Bench(request.param)
    yield one
    one.jit.close()


def over(fixtures: list[Fixture]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("bench", fixtures, indirect=True, ids=lambda fixture: fixture.path.stem)


@over(FIXTURES)
def test_value(bench: Bench) -> None:
    found = bench.link(bench.start)
    for check in bench.fixture.checks:
        found.check(check)


@pytest.mark.parametrize("edge", ["low", "high"])
@over(WITH_EDGES)
def test_last_value_that_fits(bench: Bench, edge: str) -> None:
    number = bench.edge(edge)
    site = bench.jit.lookup("site").address
    found = bench.link(number)
    if "define" not in bench.fixture.words:
        assert found.value("site") == site, "the fixture moved, so that its edge did"
    for check in bench.fixture.checks:
        found.check(check)


@pytest.mark.parametrize(("edge", "step"), [("low", -1), ("high", 1)])
@over(WITH_EDGES)
def test_first_value_that_does_not_fit(bench: Bench, edge: str, step: int) -> None:
    number = bench.edge(edge)
    kind = KINDS[KINDS.number[bench.fixture.words["kind"]]]
    with pytest.raises(OutOfRange) as caught:
        bench.link(number + step)
    error = caught.value
    assert error.kind == kind.name
    assert (error.low, error.high) == (kind.low, kind.high)
    assert error.value == (kind.low - 1 if step < 0 else kind.high)
    assert error.symbol == bench.fixture.words.get("symbol", "target")
    assert error.place == f"fixture.o:({section_of(bench.fixture)}+{offset_of_site(bench):#x})"
    assert error.more == 0
    assert kind.text in str(error)


def test_after_an_error_the_session_links_on() -> None:
    one = next(fixture for fixture in FIXTURES if fixture.path.stem == "delta32")
    bench = Bench(one)
    edge = bench.edge("high")
    for _ in range(3):
        with pytest.raises(OutOfRange):
            bench.link(edge + 1)
        found = bench.link(edge)
        for check in one.checks:
            found.check(check)
    bench.jit.close()


def section_of(fixture: Fixture) -> str:
    """The section in which the fixture's site is: its first."""
    lines = [
        line.split() for line in fixture.text.splitlines() if line.strip().startswith((".text", ".data", ".section"))
    ]
    return lines[0][1].rstrip(",") if lines[0][0] == ".section" else lines[0][0]


def offset_of_site(bench: Bench) -> int:
    """The site's offset in its section, as the object's symbol table has it."""
    graph = bench.jit.session.parse([("fixture.o", bench.fixture.objects(0)[0])], bench.jit.main)
    names = [graph.symbol_name(row) for row in range(len(graph.symbols))]
    return int(graph.symbols.value[names.index("site")])


def test_every_relocation_has_a_fixture() -> None:
    used: set[str] = set()
    numbers = {str(number): name for number, (name, _) in elf_x86_64.RELOCATIONS.items()}
    for fixture in FIXTURES:
        used |= {word.removeprefix("R_X86_64_").rstrip(",") for word in fixture.text.split() if "R_X86_64_" in word}
        used |= {numbers[word] for word in fixture.words.get("renumber", "").split()[1:]}
    assert {name for name, _ in elf_x86_64.RELOCATIONS.values()} == used


def test_every_kind_with_edges_is_moved() -> None:
    narrow = {kind.name for kind in KINDS.kinds if kind.width and kind.width < 8}
    assert {fixture.words["kind"] for fixture in WITH_EDGES} == narrow
