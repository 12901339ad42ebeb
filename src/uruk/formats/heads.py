"""The targets of files by their first bytes.

This imports no numpy: command lines are read before it is there. `uruk.formats.registry` knows all formats.
"""

from __future__ import annotations

from collections.abc import Callable

from uruk.formats.elf import head as elf
from uruk.target import Target

HEAD = 64
"""The number of bytes of a file that tell."""
Sniffer = Callable[[bytes | memoryview], Target | None]
SNIFFERS: list[Sniffer] = [elf.target_of_head]
"""ELF's, and those of formats that were registered; `uruk.formats.registry` adds them."""
_LIBRARIES = (elf.is_shared_library,)


def target_of_head(head: bytes | memoryview) -> Target | None:
    """Return the target of code that begins with these bytes; None for what is none.

    The architecture is empty for a machine that uruk has no name for.
    """
    for sniff in SNIFFERS:
        if (target := sniff(head)) is not None:
            return target
    from uruk.formats.coff import head as coff  # few command lines name an object of it

    return coff.target_of_head(head)


def is_shared_library(head: bytes | memoryview) -> bool:
    """True for a file that a dynamic loader loads: no input of a link, but named by one."""
    return any(is_library(head) for is_library in _LIBRARIES)
