"""What GNU ld makes of objects whose sections lie at given addresses, to compare bytes with."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from uruk.graph.types import true_rows
from uruk.passes.state import State

from support.requirements import require_tool

LINKERS = {"x86_64": "ld", "aarch64": "aarch64-linux-gnu-ld"}


@dataclass(frozen=True)
class Placed:
    """A section of an object as a link has placed and written it."""

    file: str
    section: str
    address: int
    size: int
    content: bytes
    """Empty for zero-fill."""


class Recorder:
    """A plug-in for `post-fixup` that keeps every section that is linked."""

    def __init__(self) -> None:
        self.placed: list[Placed] = []

    def __call__(self, state: State) -> None:
        blocks = state.graph.blocks
        for row in true_rows(state.live[: len(blocks)] & (blocks.size > 0)).tolist():
            at, size = int(state.position[row]), int(blocks.size[row])
            content = state.image[at : at + size].tobytes() if blocks.content[row] >= 0 else b""
            file = state.graph.files[int(blocks.object[row])]
            address = int(state.address[row]) % (1 << 64)
            self.placed.append(Placed(file, state.graph.section_name(row), address, size, content))


def contents_by_ld(
    folder: Path, machine: str, objects: Sequence[Path], placed: Sequence[Placed], *defines: str
) -> dict[Placed, bytes]:
    """What ld writes into sections that lie where they were `placed`; `defines` are assignments ``name = value``."""
    script, output = folder / "script.ld", folder / "by_ld"
    order = sorted(placed, key=lambda one: one.address)
    lines = [f"{text};" for text in defines] + ["SECTIONS {"]
    lines += [f".u{row} {one.address:#x} : {{ *{one.file}({one.section}) }}" for row, one in enumerate(order)]
    lines += ["/DISCARD/ : { *(.comment) *(.note*) *(.eh_frame) *(.llvm_addrsig) }", "}"]
    script.write_text("\n".join(lines))
    command = [require_tool(LINKERS[machine]), "-T", script, "-e", "0", "-o", output, *objects]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    sections = _sections(output.read_bytes())
    return {one: sections[f".u{row}"] for row, one in enumerate(order) if one.content}


def _sections(data: bytes) -> dict[str, bytes]:
    """The content of each section of a little-endian ELF file of 64 bits (gABI, "Sections")."""
    (start,) = struct.unpack_from("<Q", data, 40)
    count, names = struct.unpack_from("<2H", data, 60)
    headers = [struct.unpack_from("<2I4Q", data, start + 64 * row) for row in range(count)]
    texts = headers[names][4]
    found: dict[str, bytes] = {}
    for name, _, _, _, offset, size in headers:
        end = data.index(b"\0", texts + name)
        found[data[texts + name : end].decode()] = data[offset : offset + size]
    return found
