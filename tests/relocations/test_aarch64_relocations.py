"""Every AArch64 relocation: both edges of its range, what GNU ld writes, where it refuses to be.

GNU ld is asked where neither a GOT nor thread-locals are needed.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pytest

from uruk import LLJIT
from uruk.errors import OutOfRange, UnsupportedRelocation
from uruk.formats.elf.aarch64 import KINDS, RELOCATIONS
from uruk.graph.kinds import Base, EdgeKind, Operand
from uruk.orc.registry.options import Options
from uruk.orc.registry.tracker import ResourceTracker
from uruk.passes.state import State

from support.placed_by_ld import Recorder, contents_by_ld
from support.requirements import require_tool

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

AS = "aarch64-linux-gnu-as"
NAMES = {name: KINDS[KINDS.number[kind]] for name, kind in RELOCATIONS.values() if kind != "None"}
LARGE = 1 << 61
"""An addend that no value with a range fits with: the error tells what the value is without it."""
WORDS = {
    "TLSDESC_CALL": "blr x3", "GOT_PAGE": ".inst 0x90000003", "PG_HI21": ".inst 0x90000003",
    "PAGE21": ".inst 0x90000003",
    "HI12": "add x3, x5, #0, lsl #12", "ADD_": "add x3, x5, #0", "LDST8_": "ldrb w3, [x5]",
    "LDST16_": "ldrh w3, [x5]", "LDST32_": "ldr w3, [x5]", "LDST64_": "ldr x3, [x5]", "LDST128_": "ldr q3, [x5]",
    "LD64_": "ldr x3, [x5]", "PREL19": "ldr x3, .", "PREL_LO19": "ldr x3, .", "TSTBR14": "tbz x3, #7, .",
    "CONDBR19": "b.ne .", "JUMP26": "b .", "CALL26": "bl .", "MOVW_": "movz x3, #0", "ADR_": "adr x3, .",
}  # fmt: skip
"""Parts of names -> an instruction that the relocation may be on; the first counts."""


def instruction(name: str) -> str:
    """Assembly of a place for a relocation."""
    kind = NAMES[name]
    return f".skip {kind.width}" if kind.encoding is None else next(WORDS[part] for part in WORDS if part in name)


@lru_cache(maxsize=512)
def assembled(folder: Path, name: str, place: str, symbol: str = "target") -> Path:
    """An object with one relocation at `site`."""
    numbers = {text: number for number, (text, kind) in RELOCATIONS.items() if kind != "None"}
    path = folder / f"{name}-{symbol}-{abs(hash(place))}.o"
    local = '.section .tdata,"awT",%progbits\nlocal: .skip 64' if NAMES[name].operand >= Operand.TLS_GD else ""
    text = f"""
        .section .site,"ax",%progbits
        .balign 4096
        .globl site
    site:
        .reloc ., R_AARCH64_NONE, {symbol}
        {place}
        .balign 4
        .data
        .globl near
    near: .skip 4096
        {local}
    """
    subprocess.run([AS, "-o", path, "-"], input=text.encode(), check=True)
    data = bytearray(path.read_bytes())  # as does not know the names of all
    table = relocation_table(data)
    data[table + 8 : table + 12] = numbers[name].to_bytes(4, "little")
    path.write_bytes(data)
    return path


def relocation_table(data: bytes | bytearray) -> int:
    """Where the relocations of an object with one table of them begin."""
    start, count = int.from_bytes(data[40:48], "little"), int.from_bytes(data[60:62], "little")
    for header in range(start, start + 64 * count, 64):
        if int.from_bytes(data[header + 4 : header + 8], "little") == 4:
            return int.from_bytes(data[header + 24 : header + 32], "little")
    raise AssertionError("no relocations")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tool(AS)
    return tmp_path_factory.mktemp("aarch64")


@dataclass
class Place:
    """A session that only links, and what the last link wrote at `site`."""

    jit: LLJIT
    address: int = 0
    written: bytes = b""
    addend: int = 0
    tracker: ResourceTracker | None = None

    def link(self, path: Path, addend: int = 0) -> None:
        """Link an object whose relocation gets this addend, in the place of the one before."""
        if self.tracker is not None:
            self.tracker.remove()
        self.addend = addend
        self.tracker = self.jit.add_object(path)
        self.jit.lookup("site")

    def move(self, state: State) -> None:
        """Plug-in: have the addend."""
        state.edges.addend[:] = self.addend

    def look(self, state: State) -> None:
        """Plug-in: note what was written."""
        row = int(state.edges.block[0])
        self.address = int(state.address[row] + state.edges.offset[0])
        at = self.address - state.base
        self.written = state.image[at : at + 8].tobytes()


def session() -> LLJIT:
    return LLJIT(slab_size=64 << 20, options=Options(execute=False, architecture="aarch64"))


@pytest.fixture
def place() -> Iterator[Place]:
    with session() as jit:
        one = Place(jit)
        jit.session.hooks["after addresses"] = [one.move]
        jit.session.hooks["after slots, tls"] = [one.look]
        yield one


def symbol_for(kind: EdgeKind) -> str:
    """A symbol whose value moves with the addend alone."""
    if kind.operand >= Operand.TLS_GD:
        return "local"
    return "near" if kind.base != Base.ZERO and kind.operand not in (Operand.SYMBOL, Operand.BRANCH) else "target"


def step_of(kind: EdgeKind) -> int:
    """The least difference between two values."""
    return 4096 if kind.base == Base.PAGE else kind.encoding.align if kind.encoding else 1


RANGED = [name for name, kind in NAMES.items() if kind.is_limited]


@pytest.mark.parametrize("edge", ["low", "high"])
@pytest.mark.parametrize("name", RANGED)
def test_edges(place: Place, folder: Path, name: str, edge: str) -> None:
    """The last value that fits is written, the first that does not is an error that names the interval."""
    kind = NAMES[name]
    path = assembled(folder, name, instruction(name), symbol_for(kind))
    place.jit.define("target", 0)
    step = step_of(kind)
    with pytest.raises(OutOfRange) as caught:
        place.link(path, LARGE)
    base = caught.value.value - LARGE
    last = kind.low if edge == "low" else kind.high - step
    over = last - step if edge == "low" else last + step
    with pytest.raises(OutOfRange) as caught:
        place.link(path, over - base)
    assert (caught.value.value, caught.value.low, caught.value.high) == (over, kind.low, kind.high)
    assert caught.value.kind == kind.name
    assert f"[{kind.low:#x}, {kind.high:#x})" in str(caught.value)
    place.link(path, last - base)
    if kind.encoding is not None and kind.encoding.align > 1:
        with pytest.raises(OutOfRange, match="multiple"):
            place.link(path, last - base + (1 if edge == "low" else -1))


BASES = (Base.ZERO, Base.PLACE, Base.PAGE)
BY_LD = [
    name
    for name, kind in NAMES.items()
    if kind.operand in (Operand.SYMBOL, Operand.BRANCH) and kind.base in BASES and name != "PLT32"
]


@pytest.mark.parametrize("name", BY_LD)
def test_as_ld_writes_it(folder: Path, name: str) -> None:
    """The same bytes as GNU ld's, for values of both signs, at the edges and in between."""
    kind = NAMES[name]
    path = assembled(folder, name, instruction(name))
    size = 4 if kind.encoding else kind.width
    for value in values(kind):
        with session() as jit:
            one, recorder = Place(jit), Recorder()
            jit.session.hooks["after addresses"] = [one.look, partial(aim, kind, value)]
            jit.session.hooks["after slots, tls"] = [one.look, recorder]
            jit.define("target", 0)
            one.link(path)
            target = target_of(kind, one.address, value)
            by_ld = contents_by_ld(folder, "aarch64", [path], recorder.placed, f"target = {target:#x}")
            (site,) = [content for section, content in by_ld.items() if section.section == ".site"]
            assert one.written[:size] == site[:size], hex(value)


def values(kind: EdgeKind) -> list[int]:
    """Values to try: edges, neighbours of zero, some bits everywhere."""
    step = step_of(kind)
    found = [0, step, 0x12345678 // step * step, 0x123456789ABC & -step]
    if kind.base != Base.ZERO or kind.low < 0:
        found += [-step, -0x1234560 // step * step]
    if kind.is_limited:
        found += [kind.low, kind.high - step]
    if kind.encoding is None and kind.width < 8:  # GNU ld takes some as signed only, some as unsigned; AAELF64: both
        return [value for value in found if 0 <= value < kind.high >> 1]
    return [value for value in found if kind.low <= value < kind.high and value > -(1 << 40)]


def target_of(kind: EdgeKind, place: int, value: int) -> int:
    """What the symbol must be for a value at a place."""
    base = place & ~0xFFF if kind.base == Base.PAGE else place if kind.base == Base.PLACE else 0
    return (base + value) % (1 << 64)


def aim(kind: EdgeKind, value: int, state: State) -> None:
    """Plug-in: have the symbol where the value is this one."""
    place = int(state.address[int(state.edges.block[0])] + state.edges.offset[0])
    target = np.array([target_of(kind, place, value)], np.uint64).view(np.int64)
    state.edges.addend[:] = target - state.symbol_address[state.edges.target]


@pytest.mark.parametrize("name", [name for name, kind in NAMES.items() if kind.encoding and "GOTOFF_G" not in name])
def test_refused_on_other_instructions(place: Place, folder: Path, name: str) -> None:
    kind = NAMES[name]
    path = assembled(folder, name, ".inst 0xd503201f", "local" if kind.operand >= Operand.TLS_GD else "near")
    if kind.is_limited and kind.operand == Operand.SYMBOL and kind.base != Base.GOT_BASE:
        place.jit.session.hooks["after addresses"] = [partial(aim, kind, 0)]
    with pytest.raises(UnsupportedRelocation, match=r"no such field \(0xd503201f\)"):
        place.link(path)


def test_nothing_else_is_changed(place: Place, folder: Path) -> None:
    """Registers and whatever the field held before do not come through."""
    place.jit.define("target", 0x123)
    place.link(assembled(folder, "ADD_ABS_LO12_NC", "add x7, x21, #0xfff"))
    assert int.from_bytes(place.written[:4], "little") == 0x91000000 | 0x123 << 10 | 21 << 5 | 7


def test_every_relocation_is_here() -> None:
    assert {name for name, kind in RELOCATIONS.values() if kind != "None"} == set(NAMES)
    assert len(RANGED) > 60
    assert len(BY_LD) > 30
