"""The key of a cached object: a digest of everything that decides it; see the tests for one case an input."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from uruk.compile.identity import Compiler
from uruk.errors import ObjectFormatError
from uruk.host import cpu_facts
from uruk.regular_files import read_regular

_FORMAT = "uruk object 1"
_ENVIRONMENT = (
    "SOURCE_DATE_EPOCH",
    "GCC_EXEC_PREFIX",
    "COMPILER_PATH",
    "CCC_OVERRIDE_OPTIONS",
    "QA_OVERRIDE_GCC3_OPTIONS",
    "CLANG_NO_DEFAULT_CONFIG",
)
_INCLUDED = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH")
_MARKER = re.compile(rb'\n# \d+ "((?:[^"\\\n]|\\.)*)"([ \d]*)$', re.MULTILINE)
_ZIG_INPUT = re.compile(rb'"[^"\n]*-stdin\.[a-z+]*"')
"""zig gives its standard input a name that is another one each time."""
TICK = 50_000_000
"""Nanoseconds by which a file's time of change may be behind the clock (the kernel's tick is at most 10 ms)."""


def object_key(
    compiler: Compiler, language: str, name: str, flags: Sequence[str], source: bytes, preprocessed: bytes
) -> str:
    """Return the key, 64 hexadecimal digits.

    `source` and the headers are in it beside their preprocessed form because comments and unused macros decide about
    warnings. The folder is in it for debug information, which zig makes by itself.
    """
    debug = compiler.kind not in ("gcc", "clang") or any(f.startswith("-g") for f in (*compiler.words, *flags))
    facts = [
        _FORMAT, compiler.identity, compiler.words, language, name, tuple(flags), host_cpu(),
        os.getcwd() if debug else "", tuple(os.environ.get(name) for name in _ENVIRONMENT),
    ]  # fmt: skip
    digest = hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape"))
    for part in (source, *_headers(preprocessed), preprocessed):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def text_key(compiler: Compiler, language: str, flags: Sequence[str], text: bytes) -> str:
    """Return the key under which a text's first compilation is kept: see `uruk.compile.first_time`."""
    facts = [
        _FORMAT, "first", compiler.identity, compiler.words, language, tuple(flags), host_cpu(), os.getcwd(),
        tuple(os.environ.get(name) for name in (*_ENVIRONMENT, *_INCLUDED)),
    ]  # fmt: skip
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape") + b"\0" + text).hexdigest()


@lru_cache(maxsize=1)
def host_cpu() -> str:
    """Return the processor that ``-march=native`` goes by (zig does so unasked)."""
    return cpu_facts()


def without_zig_names(preprocessed: bytes) -> bytes:
    """zig's preprocessed standard input, without the name that is another one each time."""
    return _ZIG_INPUT.sub(b'"<stdin>"', preprocessed)


def files_of(preprocessed: bytes) -> Iterator[tuple[str, bool]]:
    """Yield the files that a preprocessed source came from, each once, and whether they are the system's."""
    for name, flags in dict(_MARKER.findall(b"\n" + preprocessed)).items():
        if not name.startswith(b"<") and not name.endswith(b"//"):
            yield os.fsdecode(re.sub(rb"\\(.)", rb"\1", name)), b"3" in flags


def _headers(preprocessed: bytes) -> Iterator[bytes]:
    """Return what is in the headers, but for the system's: those give no warnings."""
    for name, of_system in files_of(preprocessed):
        if not of_system:
            try:
                yield read_regular(name)
            except ObjectFormatError:
                continue  # a name made up by #line


def is_settled(preprocessed: bytes, source: str, since: int) -> bool:
    """Return True if no file of a compilation but `source` may have changed after `since` (ns), nor has a compiled
    header.

    The compiler reads the files again after the key is made; what changed between belongs to no key.
    """
    for name, _ in files_of(preprocessed):
        if os.path.exists(name + ".gch") or os.path.exists(name + ".pch"):
            return False
        try:
            changed = os.stat(name).st_ctime_ns
        except OSError:
            continue
        if name != source and changed > since - TICK:
            return False
    return True
