"""Fixtures of relocations: assembly with what must hold of it, and the one number that a test moves; see
`tests/relocations/README.md`."""

from __future__ import annotations

import re
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from uruk.target import Target

from support.requirements import require_tool

FOLDER = Path(__file__).parents[1] / "relocations"
RELA = 4
"""The type of a section of relocations in ELF (SHT_RELA)."""
MOVED = 0x1122334455667788
"""Stands where a test puts a number of its own: an addend of ELF's, or the value of an absolute symbol."""
_DIRECTIVE = re.compile(r"^\s*(?:#|//)\s*([a-z-]+):\s*(\S.*?)\s*$", re.MULTILINE)
_REPEATED = ("jitlink-check", "with", "renumber", "let")
SYSTEMS = {"elf": "linux", "coff": "windows"}
ASSEMBLERS = {
    "elf_x86_64": ("as", "--64", "-mrelax-relocations=yes"),
    "elf_aarch64": ("aarch64-linux-gnu-as",),
    "coff_x86_64": ("clang-19", "--target=x86_64-pc-windows-msvc", "-c", "-x", "assembler"),
    "coff_aarch64": ("clang-19", "--target=aarch64-pc-windows-msvc", "-c", "-x", "assembler"),
}
"""By folder: the program and its options."""


@cache
def assembled(folder: str, text: str) -> bytes:
    """The object of assembly text for the target that a folder of fixtures is about."""
    with tempfile.TemporaryDirectory() as place:
        output = Path(place, "out.o")
        program, *options = ASSEMBLERS[folder]
        command = [require_tool(program), *options, "-o", str(output), "-"]
        done = subprocess.run(command, input=text + "\n", text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return output.read_bytes()


@dataclass(frozen=True)
class Fixture:
    """One fixture: `words` has its directives that come once, `lets` names and expressions, `text` all of it."""

    folder: str
    name: str
    text: str
    words: dict[str, str]
    checks: tuple[str, ...]
    renumber: tuple[tuple[int, int], ...]
    lets: tuple[tuple[str, str], ...]

    @property
    def target(self) -> Target:
        """What the fixture's code is for."""
        form, _, architecture = self.folder.partition("_")
        return Target(form, architecture, SYSTEMS[form])

    @property
    def limits(self) -> tuple[int, int, int]:
        """The last values that fit, and the least difference of two values."""
        low, high, *step = self.words["range"].removesuffix("aligned").split()
        return int(low, 0), int(high, 0), int(step[0], 0) if step else 1

    def numbers(self, word: str) -> list[int]:
        """The numbers of a directive."""
        return [int(number, 0) for number in self.words.get(word, "").split()]

    @property
    def types(self) -> set[int]:
        """The numbers of all relocations of the object."""
        data = self.objects(0)[0]
        return {int.from_bytes(data[at : at + size], "little") for at, size in places_of_types(self.folder, data)}

    def objects(self, number: int, *, text: str = "") -> list[bytes]:
        """The fixture's object, and the one with its absolute symbol, with the number in place."""
        mode, _, name = self.words.get("moves", "").partition(" ")
        text = text or self.text
        if mode == "text":
            text = text.replace("NUMBER", str(number))
        data = assembled(self.folder, text)
        for old, new in self.renumber:
            data = renumbered(self.folder, data, old, new)
        if mode == "absolute":
            other = assembled(self.folder, f".globl {name}\n.set {name}, {MOVED}")
            return [data, moved(other, number)]
        return [moved(data, number) if mode == "addend" else data]


def all_fixtures() -> list[Fixture]:
    """Every fixture of every target, by folder and name."""
    found: list[Fixture] = []
    for folder in ASSEMBLERS:
        for path in sorted((FOLDER / folder).glob("*.s")):
            found += _read(folder, path)
    return found


def _read(folder: str, path: Path) -> Iterator[Fixture]:
    """The fixtures of a file: one, or one for each line `with`, whose words stand for others in the whole text."""
    text = path.read_text(encoding="utf-8")
    rows = [match[2] for match in _DIRECTIVE.finditer(text) if match[1] == "with"]
    for row in rows or [""]:
        words = {key: value.replace("~", " ") for key, _, value in (part.partition("=") for part in row.split())}
        own = re.sub(r"\b[A-Z][A-Z0-9]*\b", lambda match, words=words: words.get(match[0], match[0]), text)
        lines = [(match[1], match[2]) for match in _DIRECTIVE.finditer(own)]
        several = {word: tuple(value for key, value in lines if key == word) for word in _REPEATED}
        once = {key: value for key, value in lines if key not in _REPEATED}
        name = f"{path.stem}-{words['NAME']}" if "NAME" in words else path.stem
        lets = tuple((left.strip(), right) for left, _, right in (value.partition("=") for value in several["let"]))
        renumber = tuple((int(old), int(new)) for old, new in (value.split() for value in several["renumber"]))
        yield Fixture(folder, name, own, once, several["jitlink-check"], renumber, lets)


def moved(data: bytes, value: int) -> bytes:
    """The object with `MOVED` replaced by a number modulo 2^64."""
    place = struct.pack("<Q", MOVED)
    assert data.count(place) == 1, "a fixture has one number to move"
    return data.replace(place, struct.pack("<Q", value % (1 << 64)))


def places_of_types(folder: str, data: bytes) -> Iterator[tuple[int, int]]:
    """Where an object has the types of its relocations, and in how many bytes."""
    if folder.startswith("elf"):
        table, entry, count = struct.unpack_from("<Q10xHH", data, 40)
        for number in range(count):
            kind, offset, size = struct.unpack_from("<4xI16xQQ", data, table + number * entry)
            yield from ((at + 8, 4) for at in range(offset, offset + size, 24) if kind == RELA)
    else:
        (count,) = struct.unpack_from("<H", data, 2)
        for section in range(20, 20 + 40 * count, 40):
            start, relocations = struct.unpack_from("<I4xH", data, section + 24)
            yield from ((start + 10 * row + 8, 2) for row in range(relocations))


def renumbered(folder: str, data: bytes, old: int, new: int) -> bytes:
    """The object with every relocation of one type turned into another, which assemblers may not know."""
    out = bytearray(data)
    changed = 0
    for at, size in places_of_types(folder, data):
        if int.from_bytes(data[at : at + size], "little") == old:
            out[at : at + size] = new.to_bytes(size, "little")
            changed += 1
    assert changed, f"no relocation of type {old}"
    return bytes(out)
