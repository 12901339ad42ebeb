"""What lld-link makes of COFF objects, and a link by uruk whose sections lie where lld's do, to compare bytes with."""

from __future__ import annotations

import re
import struct
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import uruk
from uruk.graph.graph import Binding
from uruk.graph.types import true_rows
from uruk.memory.fixed import FixedMemory
from uruk.orc.registry.entries import ObjectEntry
from uruk.orc.registry.options import Options
from uruk.passes import resolve
from uruk.passes.state import State
from uruk.target import Target

from support.requirements import require_tool

BASE, ROOM = 0x10000000, 1 << 24
"""Where the image lies: low, so that ADDR32 is in range."""
_LINE = re.compile(r"^([0-9a-f]{8}) ([0-9a-f]{8}) +\d+ (?: {8}(\S+):\((.*)\)| {16}(.+)|(\S+))$")
"""A section of an object (file, name), a symbol, or an output section."""
SORTED = ".pdata"
"""The output section whose entries lld puts in order when all else is done."""


@dataclass
class Place:
    """Where lld has put a section of an object."""

    address: int
    size: int
    out: str
    """The output section."""
    symbols: set[str] = field(default_factory=set[str])
    taken: bool = False


@dataclass
class Image:
    """A linked DLL: where lld has put each section of each object, and the bytes of its own sections."""

    places: dict[tuple[str, str], list[Place]] = field(default_factory=lambda: defaultdict(list[Place]))
    """By file and section, in the order of addresses."""
    sections: dict[str, tuple[int, int, bytes]] = field(default_factory=dict[str, tuple[int, int, bytes]])
    """Output section -> number, address, content."""


def linked_by_lld(folder: Path, objects: Sequence[Path], *options: str) -> Image:
    """Link objects, which define all that they refer to, with every section of theirs kept."""
    output, table = folder / "lld.dll", folder / "lld.map"
    command = [require_tool("lld-link-19"), "/dll", "/noentry", "/nodefaultlib", "/opt:noref,noicf", "/demangle:no"]
    command += [f"/base:{BASE:#x}", f"/lldmap:{table}", f"/out:{output}", *options, *map(str, objects)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    image, out, place = Image(), "", Place(0, 0, "")
    for line in table.read_text().splitlines()[1:]:
        match = _LINE.match(line)
        if match and match[3]:
            place = Place(BASE + int(match[1], 16), int(match[2], 16), out)
            if place.size:  # some empty ones are there
                image.places[Path(match[3]).name, match[4]].append(place)
        elif match and match[5]:
            place.symbols.add(match[5])
        elif match:
            out = match[6]
    data = output.read_bytes()
    (start,) = struct.unpack_from("<I", data, 60)
    count, optional = struct.unpack_from("<2x2xH12xH", data, start + 2)
    for number in range(count):
        at = start + 24 + optional + 40 * number
        name, size, address, stored, offset = struct.unpack_from("<8s4I", data, at)
        content = data[offset : offset + min(stored, size)].ljust(size, b"\0")
        image.sections[name.rstrip(b"\0").decode()] = number + 1, BASE + address, content
    return image


class Placer:
    """Plug-ins that put each section where lld has it, and read what the link writes there."""

    def __init__(self, image: Image) -> None:
        self.image = image
        self.out: dict[int, str] = {}
        """Block -> its output section."""
        self.written: list[tuple[str, str, int, str, bytes]] = []
        """File, section, address, output section and content of each block with content."""

    def place(self, state: State) -> None:
        """Plug-in for `post-allocate`: give blocks their addresses, and the link an image of lld's size."""
        blocks, graph = state.blocks, state.graph
        state.image, state.base = np.zeros(ROOM, np.uint8), BASE
        state.image_base = np.full(len(state.modules), BASE, np.int64)
        state.section_address, state.section_number = state.address.copy(), np.zeros(len(blocks), np.int64)
        names: dict[int, set[str]] = defaultdict(set)
        outer = true_rows((graph.symbols.binding == Binding.GLOBAL) & (graph.symbols.block >= 0))
        for symbol in outer.tolist():
            names[int(graph.symbols.block[symbol])].add(graph.symbol_name(symbol))
        for row in sorted(_rows(state), key=lambda row: -len(names[row])):
            place = self._place_of(graph.files[int(blocks.object[row])], graph.section_name(row), names[row])
            assert place.size == blocks.size[row], place
            self.out[row] = place.out
            state.address[row] = place.address
            state.section_number[row], state.section_address[row], _ = self.image.sections[place.out]
        assert all(place.taken for places in self.image.places.values() for place in places)
        state.position = state.address - BASE
        if state.external is not None:
            for place, row in enumerate(state.undefined.tolist()):
                if state.graph.symbol_name(row) == "__ImageBase":
                    state.external.address[place] = BASE
                else:
                    assert not state.external.found[place], "a weak reference to nothing"
        resolve.address_symbols(state)

    def _place_of(self, file: str, section: str, names: set[str]) -> Place:
        """The place of a section in which these names are defined; of sections without names the first one."""
        for place in self.image.places[file, section]:
            if not place.taken and names <= place.symbols:
                place.taken = True
                return place
        raise AssertionError(f"lld has no {file}({section}) with {names}")

    def read(self, state: State) -> None:
        """Plug-in for `post-fixup`."""
        blocks, graph = state.blocks, state.graph
        for row in _rows(state):
            if blocks.content[row] >= 0:
                at, size = int(state.position[row]), int(blocks.size[row])
                file, name = graph.files[int(blocks.object[row])], graph.section_name(row)
                self.written.append((file, name, BASE + at, self.out[row], state.image[at : at + size].tobytes()))


def compare_with_lld(image: Image, objects: Sequence[Path], architecture: str = "x86_64") -> int:
    """Link the same objects, and compare every byte of every section; returns how many sections there were."""
    options = Options(execute=False, architecture=Target("coff", architecture, "windows"))
    placer = Placer(image)
    with uruk.LLJIT(memory=FixedMemory(BASE, ROOM), options=options) as jit:
        jit.session.hooks["post-allocate"], jit.session.hooks["post-fixup"] = [placer.place], [placer.read]
        module = jit.main.create_tracker("all")  # of one module no branch needs a stub, which lld has no place for
        for path in objects:
            jit.add_object(path.read_bytes(), path.name, tracker=module)
        entries = [entry for entry in jit.session.objects.values() if isinstance(entry, ObjectEntry)]
        names = {number for entry in entries for number in entry.added.definitions.name.tolist()}
        jit.session.lookup(jit.main, jit.main.names.ids.texts(sorted(names)), roots=True)
    tables: list[bytes] = []
    for file, name, address, out, content in placer.written:
        _, begin, expected = image.sections[out]
        if out == SORTED:
            tables.append(content)
            continue
        assert content == expected[address - begin :][: len(content)], f"{file}({name}) at {address:#x}"
    if tables:
        assert _entries(b"".join(tables)) == _entries(image.sections[SORTED][2])
    return len(placer.written)


def _rows(state: State) -> list[int]:
    """Live blocks of the objects that are not empty."""
    count = len(state.graph.blocks)
    return true_rows(state.live[:count] & (state.blocks.size[:count] > 0)).tolist()


def _entries(table: bytes) -> list[bytes]:
    return sorted(table[at : at + 12] for at in range(0, len(table), 12))
