"""The target of a COFF file, by its first bytes. This imports no numpy: command lines are read before it is there.

Source: the PE/COFF specification, "COFF File Header" and "Import Header"; <winnt.h>, ANON_OBJECT_HEADER_BIGOBJ.
"""

from __future__ import annotations

from uruk.machines import COFF_TITLES, OF_COFF
from uruk.target import Target

HEAD = 20
"""The number of bytes of a file that tell."""
EXECUTABLE_IMAGE = 2
"""A flag of Characteristics that only linked files have."""
BIGOBJ = bytes.fromhex("c7a1bad1eebaa94baf20faf66aa4dcb8")
"""The class of `/bigobj` objects, as it lies in a file."""


def machine_of(head: bytes | memoryview) -> int | None:
    """Return the Machine field of a COFF file that begins with these bytes; None for what is not a COFF file.

    COFF has no magic: a file is one if the machine is known, there is no optional header, and it is not linked.
    """
    if len(head) < HEAD:
        return None
    if head[:4] == b"\0\0\xff\xff":  # an anonymous object: `/bigobj`, a short import, or code of a compiler's own
        # Sig1, Sig2 and Version stand in front of Machine here.
        machine = head[6] | head[7] << 8
        return machine if machine in COFF_TITLES else None
    machine = head[0] | head[1] << 8
    # SizeOfOptionalHeader is at 16, Characteristics at 18.
    linked = head[16] | head[17] << 8 or head[18] & EXECUTABLE_IMAGE
    return machine if machine in COFF_TITLES and not linked else None


def target_of_head(head: bytes | memoryview) -> Target | None:
    """Return the target of a COFF file that begins with these bytes; None for what is not a COFF file.

    A linked file (MZ) is one, too, which readers of objects refuse. The architecture is empty for machines that uruk
    has no name for, and for a linked file whose machine lies behind these bytes.
    """
    if is_image(head):
        machine = OF_COFF.get(_machine_of_image(head))
        return Target("coff", "" if machine is None else machine.name, "windows")
    number = machine_of(head)
    if number is None:
        return None
    machine = OF_COFF.get(number)
    return Target("coff", "" if machine is None else machine.name, "windows")


def is_image(head: bytes | memoryview) -> bool:
    """Return True for a file that is linked already, a DLL or a program. Its header says which, further on."""
    return head[:2] == b"MZ"


def _machine_of_image(head: bytes | memoryview) -> int:
    """Return the Machine field of a linked file; 0, which is none, where it lies behind these bytes."""
    # e_lfanew is the last field of the DOS header; "PE" and two NULs stand before Machine.
    at = int.from_bytes(head[60:64], "little") + 4
    return int.from_bytes(head[at : at + 2], "little") if len(head) >= max(64, at + 2) else 0
