"""The target of an ELF file, by its first bytes. No numpy is imported: command lines are read before it is there."""

from __future__ import annotations

from uruk.machines import OF_ELF
from uruk.target import Target

HEAD = 20
"""The number of bytes from the start of a file by which its target is known; e_machine ends there."""
_TARGETS = {number: Target("elf", machine.name, "") for number, machine in OF_ELF.items()}
_UNNAMED = Target("elf", "", "")


def is_shared_library(head: bytes | memoryview) -> bool:
    """Return True for an ELF file of type ET_DYN (gABI chapter 4, e_type)."""
    return head[:4] == b"\x7fELF" and head[16:18] == b"\3\0"


def target_of_head(head: bytes | memoryview) -> Target | None:
    """Return the target of an ELF file that begins with these bytes; None if it is not an ELF file.

    The architecture is empty for machines and word sizes (ELFCLASS32, ELFDATA2MSB) that uruk has no name for. Source:
    gABI chapter 4, e_ident and e_machine.
    """
    # EI_CLASS and EI_DATA: 64 bits, little-endian. e_machine at 18 is read in that byte order.
    if head[:6] != b"\x7fELF\2\1" or len(head) < HEAD:
        return _UNNAMED if head[:4] == b"\x7fELF" else None
    return _TARGETS.get(head[18] | head[19] << 8, _UNNAMED)
