"""Directives: what an object tells its linker, as words of a command line in a section of its own.

| directive | what becomes of it |
| --- | --- |
| ``/include:X`` | X is looked up wherever the object is linked; recorded, as whoever links a program needs it |
| ``/alternatename:X=Y`` | X is an alias of Y where X is undefined |
| ``-aligncomm:"X",N`` | the common symbol X is aligned to 2^N bytes, 8,192 at most |
| ``-exclude-symbols:X,Y`` | X and Y are hidden |
| ``/defaultlib:L`` | recorded (`Graph.linker_words`): whoever links a program adds the library |
| ``/export:X`` | recorded; X is visible anyway, and no table of exports is made |
| ``/merge:A=B`` | recorded; sections lie by protection and name, whatever image they are for |
| others | are for images (``/entry``, ``/stack``, ``/guardsym``, ``/failifmismatch``), and are passed over |

Source: Microsoft, "Linker options" and "The .drectve Section"; GNU ld's manual, "ld and WIN32".
"""

from __future__ import annotations

import re

from uruk.records import field, record

SECTION = b".drectve"
# Spaces within quotes are part of a word. A quote that nothing closes goes on to the end of the text.
_WORD = re.compile(rb'(?:[^\s"]|"[^"]*"?)+')
_BOM = b"\xef\xbb\xbf"
"""A mark that the text is UTF-8 (Microsoft's compilers write one)."""
_RECORDED = (b"defaultlib", b"export", b"merge")
MOST_ALIGN_BITS = 13
"""The widest alignment that `-aligncomm` asks for: that of sections, 8,192 bytes."""


@record
class Directives:
    """The directives of one object that have a meaning here, as the table above has it."""

    wanted: list[bytes] = field(default_factory=list[bytes])
    """``/include:NAME``: a name that must be defined, though nothing of the object refers to it."""
    alternates: list[tuple[bytes, bytes]] = field(default_factory=list[tuple[bytes, bytes]])
    """``/alternatename:NAME=OTHER``: NAME is an alias of OTHER where it is undefined."""
    common_aligns: dict[bytes, int] = field(default_factory=dict[bytes, int])
    """``-aligncomm:NAME,BITS``: the alignment of a common symbol in bytes."""
    hidden: list[bytes] = field(default_factory=list[bytes])
    """``-exclude-symbols:NAME,...``: not to be seen outside of the program."""
    recorded: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """The directives of `_RECORDED`: name -> what stands behind the colon, one string a directive."""


def read_directives(data: bytes) -> Directives:
    """Read the content of a section of directives; words that mean nothing here are skipped."""
    directives = Directives()
    # NULs that pad the section divide words as spaces do.
    for word in _WORD.findall(data.removeprefix(_BOM).replace(b"\0", b" ")):
        if word[:1] in (b"/", b"-"):
            name, _, value = word[1:].partition(b":")
            # The name of an option may be written in capitals or not; those of symbols must stay as they are.
            _take(directives, name.lower(), value.replace(b'"', b""))
    return directives


def _take(directives: Directives, name: bytes, value: bytes) -> None:
    """Take in one directive."""
    if not value:
        return
    if name == b"include":
        directives.wanted.append(value)
        directives.recorded.setdefault("include", []).append(value.decode("utf-8", "replace"))
    elif name == b"alternatename":
        symbol, _, default = value.partition(b"=")
        if symbol and default and symbol != default:
            directives.alternates.append((symbol, default))
    elif name == b"aligncomm":
        # The number is behind the last comma, whatever stands in the name.
        symbol, _, bits = value.rpartition(b",")
        # More than two digits are no alignment, and would be a number of any size.
        if symbol and bits.isdigit() and len(bits) < 3:
            directives.common_aligns[symbol] = 1 << min(int(bits), MOST_ALIGN_BITS)
    elif name == b"exclude-symbols":
        directives.hidden += filter(None, value.split(b","))
    elif name in _RECORDED:
        directives.recorded.setdefault(name.decode(), []).append(value.decode("utf-8", "replace"))
