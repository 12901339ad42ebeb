"""Objects of texts that were compiled once, with the files that they came from: a second compilation may take them.

To preprocess a text takes longer than all else that a cache does, and most texts of a session at a prompt are compiled
once. So the first compilation only asks the compiler which files it reads, and looks at these; the text is preprocessed
when it comes a second time. The object is that of the preprocessed text if that comes from the same files, all of them
as they were before the first compilation. Nothing in them may ask for what else can have changed: the time, or whether
other files are there.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence

from uruk.compile.cache import ObjectCache
from uruk.compile.cache_key import TICK, files_of
from uruk.compile.make_rule import prerequisites
from uruk.errors import ObjectFormatError
from uruk.named_tuples import NamedTuple
from uruk.regular_files import read_regular

_TIME = re.compile(rb"__(?:DATE|TIME|TIMESTAMP)__")
_ASKED = re.compile(rb"__has_(?:include|include_next|embed)\b(?:[ \t]*\([ \t]*[<\"]([^>\"\n]*)[>\"])?")
_DEFINED = re.compile(rb"(?:defined[ \t(]+|#[ \t]*(?:ifdef|ifndef|undef)[ \t]+)__has_(?:include|include_next|embed)\b")


class First(NamedTuple):
    """The object and the warnings of a first compilation, when it began (ns), and the states of its files."""

    data: bytes
    warnings: str
    since: int
    files: dict[str, list[int]]


def store_first(cache: ObjectCache, key: str, first: tuple[bytes, str], since: int, depfile: str) -> None:
    """Keep a first compilation. Without the compiler's list of files it is only noted that there was one."""
    data, warnings = first
    files = _states(_dependencies(depfile))
    if files is None or any(state[3] > since - TICK for state in files.values()):
        data, files = b"", {}
    head = json.dumps([since, files]).encode() + b"\n"
    cache.store(key, head + data, warnings)


def load_first(cache: ObjectCache, key: str) -> First | None:
    """Return what was kept of a first compilation; None if there was none. Its object may be empty."""
    stored = cache.load(key)
    if stored is None:
        return None
    head, _, data = stored[0].partition(b"\n")
    try:
        since, files = json.loads(head)
    except ValueError:  # as earlier versions noted it
        return First(b"", "", 0, {})
    return First(data, stored[1], since, files)


def is_of(first: First, name: str, source: bytes, preprocessed: bytes, folders: Sequence[str]) -> bool:
    """Return True if a preprocessed text is what the first compilation compiled.

    `name` is the text's own; `folders` are those where the compiler looks for headers.
    """
    paths = {path for path, _ in files_of(preprocessed) if path != name}
    if not first.data or paths != first.files.keys() or _states(paths) != first.files:
        return False
    contents = list(_contents(paths))
    if len(contents) != len(paths) or any(_TIME.search(content) for content in (source, *contents)):
        return False
    asked = _names_asked((source, *contents))
    places = {*folders, os.getcwd(), *map(os.path.dirname, paths)}
    return asked is not None and all(_is_as_before(place, each, first.since) for each in asked for place in places)


def folders_in(report: str) -> list[str]:
    """Return the folders that a compiler's ``-v`` lists, one a line behind a blank, in whatever language it writes."""
    lines = (line.strip() for line in report.splitlines() if line.startswith(" "))
    return [line for line in lines if os.path.isdir(line)]


def _dependencies(depfile: str) -> list[str] | None:
    """Return the files that a rule for make names; None if there is none."""
    try:
        with open(depfile, encoding="utf-8", errors="surrogateescape") as file:
            files = prerequisites(file.read())
    except OSError:
        return None
    return [path for path in files if path not in ("-", "<stdin>")]


def _states(paths: Iterable[str] | None) -> dict[str, list[int]] | None:
    """Return inode, size and times of files; None if one is not there."""
    states: dict[str, list[int]] = {}
    try:
        for path in paths or ():
            state = os.stat(path)
            states[path] = [state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns]
    except (OSError, ValueError):
        return None
    return None if paths is None else states


def _contents(paths: Iterable[str]) -> Iterator[bytes]:
    for path in paths:
        try:
            yield read_regular(path)
        except ObjectFormatError:
            return


def _names_asked(contents: Iterable[bytes]) -> set[str] | None:
    """Return the names that ``__has_include`` asks for; None if one of them is made by a macro."""
    names: set[str] = set()
    for content in contents:
        if b"__has_" not in content:
            continue
        plain = _DEFINED.sub(b"", content)
        for match in _ASKED.finditer(plain):
            if match[1] is not None:
                names.add(os.fsdecode(match[1]))
                continue
            before = plain[plain.rfind(b"\n", 0, match.start()) + 1 : match.start()]
            if b"#" in before and b"//" not in before and b"/*" not in before:
                return None
    return names


def _is_as_before(place: str, name: str, since: int) -> bool:
    """Return True if a file of a name is in a folder, or is not, as it was before a time (ns).

    The folders on the way are as they were, too: a file may come with its folder.
    """
    while not os.path.isdir(place):
        place, name = os.path.dirname(place) or ".", ""
    try:
        for part in ("", *name.split("/")):
            place = os.path.join(place, part)
            if os.stat(place).st_ctime_ns > since - TICK:
                return False
    except FileNotFoundError:
        return True
    except (OSError, ValueError):
        return False
    return True
