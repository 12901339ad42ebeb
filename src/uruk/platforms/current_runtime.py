"""The archive of the runtime, opened where it fits this Python code."""

from __future__ import annotations

from functools import lru_cache

from uruk.errors import StaleRuntime
from uruk.formats.archive import Archive
from uruk.runtime_files import runtime_archive
from uruk.runtime_interface import NAME


@lru_cache(maxsize=4)
def open_current(target: str) -> Archive:
    """Return the archive for `target`, which stays open until this process ends.

    Raises MissingRuntime where there is none, StaleRuntime for one that is of another version.
    """
    path = runtime_archive(target)
    archive = Archive.open(path)
    if not archive.has_in_index(NAME.encode()):
        archive.close()
        raise StaleRuntime(path)
    return archive
