"""The check that a compilation may be cached: all that decides the object is in the key, or it is compiled.

The preprocessed source stands for the files that it includes. A flag that is not known here may name other files, or
make files beside the object, so it keeps a compilation out of the cache.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

_WITH_VALUE = frozenset(
    "-D -U -I -include -imacros -isystem -iquote -idirafter -iprefix -iwithprefix -iwithprefixbefore -isysroot"
    " -target --param".split()
)
_PREPROCESSED = ("-D", "-U", "-I", "-isystem", "-iquote", "-idirafter", "--sysroot=")
"""The files that these name are in the preprocessed source."""
_PLAIN = frozenset("-w -ansi -pedantic -pedantic-errors -pthread -pipe -nostdinc -nostdinc++ -undef -c".split())
_PREFIXES = ("-O", "-W", "-f", "-m", "-g", "-std=", "--std=", "-stdlib=", "--target=", "--param=")
# They read files that no flag names, write files of their own, or load code into the compiler.
_NEVER = (
    "-Wa, -Wp, -Wl, -fprofile -fauto-profile -fbranch-prob -fcs-profile -fmemory-profile -fplugin -fpass-plugin"
    " -ftest-coverage -fcoverage -fdump -fmodule -fimplicit-module -fprebuilt -fpch -fstack-usage -fcallgraph-info"
    " -fopt-info -fsave-optimization -foptimization-record -fproc-stat -ftime-trace -fdirectives-only"
    " -fpreprocessed -fsyntax-only -fdiagnostics-format -fdiagnostics-add -fdeps -freport-bug -gsplit-dwarf -fxray"
    " -fcompare-debug -fthinlto -fdriver -fuse-ld -fsanitize-blacklist -fsanitize-ignorelist -fsanitize-system"
    " -femit -fbuild-session"
).split()
_SIDE_EFFECTS = ("DEPENDENCIES_OUTPUT", "SUNPRO_DEPENDENCIES", "CC_PRINT_OPTIONS", "GCC_COMPARE_DEBUG")
"""Variables that make a compiler write more than the object."""

_BREAK = rb'(?:"\s*")?'  # the halves of a name may be in neighbouring literals
_SPLIT_INCBIN = re.compile(_BREAK.join(b"i n c b i n".split()))
_SPLIT_INCLUDE = re.compile(rb"\." + _BREAK + _BREAK.join(b"i n c l u d e".split()))
_MAYBE_DIRECTIVE = re.compile(rb"#[ \t]*(?:embed|include|import|pragma[ \t]+GCC[ \t]+pch)")
_DIRECTIVE = re.compile(rb"^[ \t]*" + _MAYBE_DIRECTIVE.pattern, re.MULTILINE)
_MODULE = re.compile(rb"^[ \t]*(?:export[ \t]+)?(?:__)?import[ \t]+[\w.:<\"]", re.MULTILINE)


def flags_are_known(words: Sequence[str]) -> bool:
    """Return True if the key can hold all that these flags mean."""
    if any(os.environ.get(name) for name in _SIDE_EFFECTS):
        return False
    rest = iter(words)
    for word in rest:
        if word in _WITH_VALUE:
            value = next(rest, None)
            # clang takes a compiled header instead of the one that -include names
            if value is None or os.path.exists(value + ".pch") or os.path.exists(value + ".gch"):
                return False
        elif not (word in _PLAIN or word.startswith(_PREPROCESSED) or _is_known(word)):
            return False
    return True


def stands_for_itself(source: bytes, words: Sequence[str]) -> bool:
    """Return True if preprocessing a source cannot bring anything that its bytes and flags do not say.

    It includes nothing, asks for nothing, and names no macro that has another value elsewhere or at another time. A
    first line may be a `#line`. Macros may only be the compiler's own, which its identity stands for.
    """
    if any(word in _WITH_VALUE or word.startswith(_PREPROCESSED) for word in words):
        return False
    body = _LINE.sub(b"", source, count=1)
    return _PREPROCESSOR.search(body) is None and not takes_other_files(body)


_LINE = re.compile(rb'\A#line 1 "[^\n]*"\n')
# Directives and their digraph; trigraphs and spliced lines, which could spell any of the others; and the macros.
_PREPROCESSOR = re.compile(rb"#|%:|\?\?|\\[ \t\r\f\v]*\n|_Pragma|__(?:DATE|TIME|TIMESTAMP|BASE_FILE|has_|STDC)")


def _is_known(word: str) -> bool:
    if not word.startswith(_PREFIXES) or word.startswith(tuple(_NEVER)):
        return False
    value = word.partition("=")[2]
    return not value or not os.path.exists(value) or os.path.isdir(value)


def takes_other_files(preprocessed: bytes) -> bool:
    """Return True if a preprocessed source still names files: in inline assembly, by #embed, or as modules."""
    if _SPLIT_INCBIN.search(preprocessed) or _SPLIT_INCLUDE.search(preprocessed):
        return True
    # A pattern that begins with a line's start looks at every line: 25 ms for what <iostream> comes to.
    if _MAYBE_DIRECTIVE.search(preprocessed) and _DIRECTIVE.search(preprocessed):
        return True
    return b"import" in preprocessed and _MODULE.search(preprocessed) is not None
