"""Archive members that are found by names alone, all waves at once, against the waves: the same members, owners,
initialisers and errors. Programs are made at random; what they have in common with real ones is in them by chance."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import uruk
from uruk.errors import UrukError
from uruk.orc.lookup.name_search import NameSearch
from uruk.orc.registry.entries import ObjectEntry, ObjectState

from support.assembly import SLAB, assemble
from support.requirements import require_tool

ROOT = ".globl log, count\n.bss\n.balign 8\nlog: .zero 400\ncount: .zero 8\n"
NOTE = """
.section .init_array, "aw"
.quad 1f
.text
1: movq count@GOTPCREL(%rip), %rcx
 movl (%rcx), %eax
 movq log@GOTPCREL(%rip), %rdx
 movl ${number}, (%rdx,%rax,4)
 incl (%rcx)
 ret
"""
CASES = [0, 4, 5, 11, 22, 27, 68, 142]
"""Those with the most of what differs: members that lose their names, several ways ahead, duplicates, order."""


def member(chance: random.Random, number: int, names: list[str], defined: list[str]) -> str:
    """A member with an initialiser that notes its number, definitions of some names, and references to others."""
    text = NOTE.format(number=number)
    for name in defined:
        kind = chance.choices(["globl", "weak", "group", "common", "hidden"], [12, 3, 3, 1, 1])[0]
        if kind == "common":
            text += f".comm {name}, 8, 8\n"
            continue
        text += f'.section .text.{name}, "axG", @progbits, {name}, comdat\n' if kind == "group" else ".text\n"
        text += f".weak {name}\n" if kind in ("weak", "group") else f".globl {name}\n"
        text += f".hidden {name}\n" if kind == "hidden" else ""
        text += f"{name}: .long {number}\n"
    text += ".data\n"
    for name in chance.sample(names, chance.randint(0, 3)):
        if name not in defined:
            text += {0: f".weak {name}\n", 1: f".hidden {name}\n"}.get(chance.randrange(8), "") + f".quad {name}\n"
    return text


def program(seed: int, folder: Path) -> tuple[bytes, list[Path]]:
    """The object with the first needs, and its archives in order. Every third name has several definitions."""
    chance = random.Random(seed)
    names = [f"n{number}" for number in range(24)]
    home: list[list[str]] = [[] for _ in range(14)]
    for row, name in enumerate(names):
        for _ in range(chance.choice([1, 1, 2]) if row % 3 == 0 else 1):
            chance.choice(home).append(name)
    objects: list[Path] = []
    for number, defined in enumerate(home):
        objects.append(folder / f"m{number}.o")
        objects[-1].write_bytes(assemble(member(chance, number + 1, names, sorted(set(defined)))))
    archives: list[Path] = []
    for number in range(3):
        archives.append(folder / f"lib{number}.a")
        subprocess.run([require_tool("ar"), "qcs", str(archives[-1]), *map(str, objects[number::3])], check=True)
    needs = "".join(f".quad {name}\n" for name in chance.sample(names, 3))
    return assemble(ROOT + ".data\n.globl root\nroot:\n" + needs), [*archives, archives[0]]


def linked(root: bytes, archives: list[Path]) -> object:
    """The members that are linked, who defines each name, and the order of initialisers; or the error."""
    with uruk.LLJIT(slab_size=SLAB) as jit:
        jit.add_object(root, "root.o")
        for archive in archives:
            jit.add_archive(archive)
        try:
            jit.lookup("root")
        except UrukError as error:
            return type(error), str(error)
        session = jit.session
        entries = [entry for entry in session.objects.values() if isinstance(entry, ObjectEntry)]
        files = {entry.number: entry.file for entry in entries if entry.state is ObjectState.LINKED}
        owners = {text: files.get(int(session.table.owner[number])) for text, number in jit.main.names.items()}
        count, log = (jit.lookup(name).address for name in ("count", "log"))
        notes = jit.executor.process.read(log, 4 * int.from_bytes(jit.executor.process.read(count, 4), "little"))
        return sorted(files.values()), {text: file for text, file in owners.items() if file}, bytes(notes)


@pytest.fixture
def in_waves(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have members found wave by wave from now on."""

    def never(*_: object) -> bool:
        return False

    return lambda: monkeypatch.setattr(NameSearch, "_take_ahead", never)


@pytest.mark.parametrize("seed", CASES)
def test_members_found_ahead_are_those_of_the_waves(seed: int, tmp_path: Path, in_waves: Callable[[], None]) -> None:
    root, archives = program(seed, tmp_path)
    found = linked(root, archives)
    in_waves()
    assert found == linked(root, archives)
