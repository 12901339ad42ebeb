"""Members of archives that define nothing here, where a name that they may have been meant to define is undefined.

An index has no names of a member that its ``ar`` could not read: bitcode, for example, without the compiler's plug-in.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from uruk.errors import ObjectFormatError
from uruk.formats.foreign import kind_of
from uruk.orc.lookup.externals import NO_MACHINE_CODE, SLIM_LTO

if TYPE_CHECKING:
    from uruk.formats.archive import Archive
    from uruk.orc.registry.search import ArchiveEntry
    from uruk.target import Target

_MOST_MEMBERS = 1000
"""Members of one archive that are looked at."""
_START = 4096
"""Bytes of a member that tell what it is."""


def useless_member(archives: Iterable[ArchiveEntry], target: Target) -> str:
    """Return the hint that names the first member of some archives that can define nothing; empty if there is none.

    `target` is that of the objects that can be linked.
    """
    for entry in archives:
        with suppress(ObjectFormatError):  # a lookup that needs a member of it raises that
            slim = entry.index().get(SLIM_LTO)
            if slim is not None:
                member = entry.archive.member(slim)
                return f"perhaps {entry.archive.name}({member.name}) should define it, which {NO_MACHINE_CODE}"
            if hint := _foreign_member(entry.archive, target):
                return hint
    return ""


def _foreign_member(archive: Archive, target: Target) -> str:
    """Return the hint for an archive with an object of another format or machine that its index has no names of."""
    # Members that the index names can be linked, and need no look at their bytes.
    named = set(archive.entries()[1].tolist())
    for member in islice(archive.members(), _MOST_MEMBERS):
        if member.header_offset in named:
            continue
        kind = kind_of(archive.start_of(member, _START), member.name)
        is_code = " object for " in kind or "bitcode" in kind or "WebAssembly" in kind
        if is_code and kind not in (f"an ELF object for {target.title}", f"a COFF object for {target.title}"):
            return f"perhaps {archive.name}({member.name}) should define it, which is {kind}"
    return ""
