"""The archive of the runtime, opened where it fits this Python code."""

from __future__ import annotations

from uruk.errors import StaleRuntime
from uruk.formats.archive import Archive
from uruk.runtime_files import runtime_archive
from uruk.runtime_interface import NAME


def open_current(target: str) -> Archive:
    """Open the archive for `target`. Raises MissingRuntime where there is none, StaleRuntime for one that is of
    another version.
    """
    path = runtime_archive(target)
    archive = Archive.open(path)
    if not archive.has_in_index(NAME.encode()):
        archive.close()
        raise StaleRuntime(path)
    return archive
