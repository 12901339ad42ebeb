"""The targets of files by their first bytes.

This module imports no numpy: command lines are read before it is there. `uruk.formats.registry` knows all formats.
"""

from __future__ import annotations

from collections.abc import Callable

from uruk.formats.elf import head as elf
from uruk.target import Target

HEAD = 64
"""The number of bytes from the start of a file by which it is recognised."""
Sniffer = Callable[[bytes | memoryview], Target | None]
SNIFFERS: list[Sniffer] = [elf.target_of_head]
"""One function a format: ELF's, and those of registered formats, which `uruk.formats.registry` adds."""


def target_of_head(head: bytes | memoryview) -> Target | None:
    """Return the target of code that begins with these bytes; None if no format recognises them.

    The architecture is empty for a machine that uruk has no name for.
    """
    for sniff in SNIFFERS:
        if (target := sniff(head)) is not None:
            return target
    # COFF is asked last: it has no magic number, and takes any file that begins with a machine's number. Few command
    # lines name an object of it, so that others need not import its room.
    from uruk.formats.coff import head as coff

    return coff.target_of_head(head)


def is_shared_library(head: bytes | memoryview) -> bool:
    """Return True for a file that is linked already, as those are that a dynamic loader loads.

    A link line may name it; its bytes are not linked.
    """
    if elf.target_of_head(head) is not None:
        return elf.is_shared_library(head)
    from uruk.formats.coff import head as coff  # as above

    return coff.is_image(head)
