"""The numbers of relocations are those of the system's <elf.h>, which knows most of them by name."""

from __future__ import annotations

import re
import subprocess

import pytest

from uruk.formats.elf import aarch64, x86_64
from uruk.formats.elf.reader import Pair

from support.requirements import require_tool

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]


@pytest.mark.parametrize(("pair", "prefix", "least"), [(x86_64, "R_X86_64_", 34), (aarch64, "R_AARCH64_", 90)])
def test_numbers_are_those_of_the_system(pair: Pair, prefix: str, least: int) -> None:
    command = [require_tool("gcc"), "-E", "-dM", "-include", "elf.h", "-x", "c", "/dev/null"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    known = {name: int(number) for name, number in re.findall(rf"#define {prefix}(\w+) (\d+)", text)}
    known_numbers = {known[name]: name for _, (name, _) in pair.RELOCATIONS.items() if name in known}
    mine = {number: name for number, (name, _) in pair.RELOCATIONS.items() if name in known}
    assert mine.pop(256, "NONE") == "NONE"  # AArch64's withdrawn second number of it (AAELF64)
    assert (256 in pair.RELOCATIONS) == (prefix == "R_AARCH64_")
    assert mine == known_numbers
    assert len(mine) >= least
