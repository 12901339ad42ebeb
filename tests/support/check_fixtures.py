"""Fixtures: assembling them, and changing the one number that a test moves."""

from __future__ import annotations

import struct
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.evaluate import directives
from support.requirements import require_tool

FOLDER = Path(__file__).parents[1] / "relocations" / "x86_64"
MOVED = 0x1122334455667788
"""Stands where a test puts a number of its own: the value of an absolute symbol, or an addend."""
SLAB = 64 << 20
"""Address space that a test's session takes: little, so that many of them fit beside each other."""


@cache
def assemble(text: str) -> bytes:
    """The object of assembly text, by the GNU assembler."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "out.o")
        command = [require_tool("as"), "--64", "-mrelax-relocations=yes", "-o", str(output), "-"]
        done = subprocess.run(command, input=text + "\n", text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        return output.read_bytes()


@dataclass(frozen=True)
class Fixture:
    """One file: `words` has its directives that come once, `checks` its expectations, `text` all of it.

    kind: the edge kind whose range is tested by moving a number from `low` to `high`. Both are expressions,
    evaluated with the number at `start`: 0, or an address in the slab for ``near``. The number is the addend
    `MOVED` in the object, or the value of a symbol that the session defines (`define`), or that another
    object of the batch does (`absolute`). symbol: the one that an error names. renumber: two relocation
    types, of which the first is turned into the second.
    """

    path: Path
    text: str
    words: dict[str, str]
    checks: tuple[str, ...]

    def objects(self, number: int) -> list[bytes]:
        """The fixture's object, and the one with its absolute symbol, with the number in place."""
        data = assemble(self.text)
        if "renumber" in self.words:
            old, new = self.words["renumber"].split()
            data = renumbered(data, int(old), int(new))
        if "absolute" in self.words:
            name = self.words["absolute"]
            return [data, moved(assemble(f".globl {name}\n.set {name}, {MOVED}"), number)]
        return [data if "define" in self.words or "kind" not in self.words else moved(data, number)]


def all_fixtures() -> list[Fixture]:
    """Every fixture, by name."""
    found: list[Fixture] = []
    for path in sorted(FOLDER.glob("*.s")):
        lines = list(directives(path))
        checks = tuple(text for word, text in lines if word == "check")
        words = {word: text for word, text in lines if word != "check"}
        found.append(Fixture(path, path.read_text(encoding="utf-8"), words, checks))
    return found


def moved(data: bytes, value: int) -> bytes:
    """The object with `MOVED` replaced by a number modulo 2^64."""
    place = struct.pack("<Q", MOVED)
    assert data.count(place) == 1, "a fixture has one number to move"
    return data.replace(place, struct.pack("<Q", value % (1 << 64)))


def renumbered(data: bytes, old: int, new: int) -> bytes:
    """The object with every relocation of one type turned into another, which assemblers may not know."""
    out = bytearray(data)
    table, entry, count = struct.unpack_from("<Q10xHH", data, 40)
    changed = 0
    for number in range(count):
        kind, offset, size = struct.unpack_from("<4xI16xQQ", data, table + number * entry)
        for at in range(offset, offset + size, 24) if kind == 4 else ():
            if struct.unpack_from("<I", data, at + 8)[0] == old:
                struct.pack_into("<I", out, at + 8, new)
                changed += 1
    assert changed, f"no relocation of type {old}"
    return bytes(out)
