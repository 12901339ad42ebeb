"""Every relocation of every target in uruk-jitlink: the files of `tests/relocations`, both edges, at four slabs.

Each is linked at one of the slabs, in turn, and in LLVM's tool, too, where that has such relocations. The rules are
address arithmetic over the file's own labels; only the place of the number that a file moves is found by a link.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from jitlink.running import Done, llvm_jitlink, uruk_jitlink
from uruk import LLJIT, Options
from uruk.errors import OutOfRange
from uruk.formats.coff import aarch64 as coff_aarch64
from uruk.formats.coff import x86_64 as coff_x86_64
from uruk.formats.elf import aarch64 as elf_aarch64
from uruk.formats.elf import x86_64 as elf_x86_64
from uruk.isa import aarch64, aarch64_images, x86_64, x86_64_images
from uruk.memory.segment_slab import SegmentSlab

from support.check_files import SLABS
from support.relocation_fixtures import Fixture, all_fixtures

pytestmark = pytest.mark.any_interpreter

LARGE = 1 << 61
"""A number with which no value that has a range fits: the error says what the value would be without it."""
LAYOUT = ("tlsdesc_page", "section")
"""Files whose rules count on uruk's own layout."""
FIXTURES = [fixture for fixture in all_fixtures() if fixture.name not in LAYOUT]
PLACES = [(fixture, SLABS[number % len(SLABS)]) for number, fixture in enumerate(FIXTURES)]
REFUSED = re.compile(
    r"nsupported|target is not a MOV|out of range of (Pointer8|Pointer16|Pointer32|Delta32)|Symbols not found"
)
"""JITLink lacks the relocation, wants another instruction, or a sign; `__ImageBase` it does not define."""
DIFFERENT = re.compile(r"got_delta32_relaxable.*|filled|branch")
"""LLVM's tool relaxes loads with any addend, adds to what is in the field, and calls absolute symbols by stubs."""
TABLES = {
    "elf_x86_64": elf_x86_64.RELOCATIONS,
    "elf_aarch64": elf_aarch64.RELOCATIONS,
    "coff_x86_64": coff_x86_64.RELOCATIONS,
    "coff_aarch64": coff_aarch64.RELOCATIONS,
}


def moved(fixture: Fixture) -> tuple[str, str]:
    """How a fixture moves its number, and the name that has it."""
    mode, _, name = fixture.words.get("moves", "").partition(" ")
    return mode, name


def rules(fixture: Fixture, number: int) -> str:
    """The rules with the number and what `let` names put in; without blanks, behind which LLVM's parser stops."""
    lets: list[tuple[str, str]] = []

    def expanded(text: str) -> str:
        for name, expression in reversed(lets):
            text = re.sub(rf"(?<![\w.]){name}\b", f"({expression})", text)
        return re.sub(r"(?<![\w.])addend\b", hex(number % (1 << 64)), text)

    for name, expression in fixture.lets:
        lets.append((name, expanded(expression)))
    return "".join(f"# jitlink-check: {expanded(rule).replace(' ', '')}\n" for rule in fixture.checks)


def link(tool: Callable[..., Done], fixture: Fixture, number: int, slab: int, folder: Path) -> Done:
    """Link with the number in place, and check the rules."""
    mode, name = moved(fixture)
    paths = [folder / f"unit{place}.o" for place in range(2)]
    objects = fixture.objects(number)
    for path, data in zip(paths, objects, strict=False):
        path.write_bytes(data)
    words: list[object] = ["-noexec", "-entry=site", "-slab-allocate=64Kb", f"-slab-address={slab}"]
    words += ["-slab-page-size=4096", f"-check={folder / 'rules.txt'}", paths[0]]
    # LLVM's tool does not link an object of nothing but an absolute symbol.
    if mode == "define" or (mode == "absolute" and tool is llvm_jitlink):
        words.append(f"-abs={name}={number % (1 << 64):#x}")
    elif mode == "absolute":
        words.append(paths[1])
    (folder / "rules.txt").write_text(rules(fixture, number))
    return tool(*words)


def without_number(fixture: Fixture, slab: int) -> int:
    """The value of the field without the number that the fixture moves."""
    mode, name = moved(fixture)
    options = Options(execute=False, as_jitlink=True, architecture=fixture.target)
    with LLJIT(memory=SegmentSlab(slab, 1 << 16), options=options) as jit:
        if mode == "define":
            jit.define(name, LARGE)
        jit.add_objects(fixture.objects(LARGE), "fixture.o")
        with pytest.raises(OutOfRange) as caught:
            jit.lookup("site")
    return caught.value.value - LARGE


def numbers(fixture: Fixture, slab: int) -> tuple[list[int], list[int]]:
    """The numbers that fit, and those that do not."""
    if "range" in fixture.words:
        low, high, step = fixture.limits
        base = without_number(fixture, slab)
        return [low - base, high - base], [low - step - base, high + step - base]
    inside = fixture.numbers("numbers")[:2] or [0]
    if moved(fixture)[0] == "define":
        # These files are written for memory at 1 GiB, which is as far from their numbers as the slab is from these.
        inside = [number - (1 << 30) + -(-slab // 16) * 16 for number in inside]
    return inside, []


@pytest.mark.parametrize(("fixture", "slab"), PLACES, ids=[f"{fixture.folder}-{fixture.name}" for fixture, _ in PLACES])
def test_relocation(fixture: Fixture, slab: int, tmp_path: Path) -> None:
    inside, outside = numbers(fixture, slab)
    for place, number in enumerate(inside):
        ours = link(uruk_jitlink, fixture, number, slab, tmp_path)
        assert (ours.status, ours.err) == (0, "")
        if place:
            continue
        theirs = link(llvm_jitlink, fixture, number, slab, tmp_path)
        assert theirs.status == 0 or REFUSED.search(theirs.err) or DIFFERENT.fullmatch(fixture.name), theirs.err
    for number in outside:
        ours = link(uruk_jitlink, fixture, number, slab, tmp_path)
        assert ours.status == 1
        assert "is out of range of" in ours.err


WITHOUT_RELOCATION = set(
    """
    GOTLiteral21 GOTOffset12 GOTMoveG0 GOTMoveG0NoCheck GOTMoveG1 GOTMoveG1NoCheck
    TLSGDLoad64Offset12 TLSGDLoadLiteral19 TLSGDMoveG0 TLSGDMoveG1NoCheck TLSLDLoad64Offset12 TLSLDMoveG0
    TLSLDMoveG1NoCheck TLSIELiteral21 TLSIEOffset12 TLSIEMoveG0 TLSIEMoveG1NoCheck TLSDescMoveG0 TLSDescMoveG0NoCheck
    TLSDescMoveG1 TLSDescMoveG1NoCheck DTPOffsetMoveG2NoCheck TPOffsetMoveG2NoCheck
    MoveSignedG0NoCheck MoveSignedG1NoCheck MoveSignedG2NoCheck
    """.split()
)
"""Rows of AArch64's families of kinds that AAELF64 has no relocation for: no object can ask for them."""


def test_every_kind_is_covered() -> None:
    """Each kind of each table is that of a relocation of some format, and `test_fixtures` wants a file for each."""
    for module, folders, without in (
        (x86_64, ["elf_x86_64"], set[str]()), (x86_64_images, ["elf_x86_64", "coff_x86_64"], set[str]()),
        (aarch64, ["elf_aarch64"], WITHOUT_RELOCATION),
        (aarch64_images, ["elf_aarch64", "coff_aarch64"], WITHOUT_RELOCATION),
    ):  # fmt: skip
        covered = {row[1] for folder in folders for row in TABLES[folder].values()}
        # COFF has one relocation of all loads: the instruction says how many bytes it is about.
        covered |= {form.other for form in coff_aarch64.FORMS} if "coff_aarch64" in folders else set[str]()
        assert {kind.name for kind in module.KINDS.kinds} - covered == without, folders
