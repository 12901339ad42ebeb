"""ELF objects for x86-64 from assembly texts, by the GNU assembler."""

from __future__ import annotations

import subprocess
import tempfile
from functools import cache
from pathlib import Path

from support.requirements import require_tool

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
