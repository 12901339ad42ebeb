"""What a program seldom needs is not imported by its start: each import costs a part of a millisecond."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.quick

SELDOM = (
    "uruk.libraries",  # -l
    "uruk.isa.abi",  # calls into other processes
    "uruk.orc.lookup.addresses",  # names for a crash
    "uruk.orc.lookup.archive_order",
    "uruk.orc.lookup.displaced",  # --defsym with an offset
    "uruk.orc.lookup.hidden_bases",
    "uruk.orc.lookup.member_symbols",  # archives without an index
    "uruk.orc.lifetime.dlopen",  # dlopen's counting
    "uruk.formats.foreign",
    "uruk.formats.coff",
    "uruk.passes.coff",
    "uruk.isa.x86_64_images",
    "uruk.isa.aarch64_images",
    "uruk.compile",
    "cffi",
    "rich",
)


def test_seldom_used_modules_wait_until_they_are_needed() -> None:
    text = "import sys, uruk\nwith uruk.LLJIT() as jit: jit.lookup('abs')\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "uruk.lljit" in imported
    assert not imported.intersection(SELDOM)
