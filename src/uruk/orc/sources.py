"""Sources of any language: LLVM IR goes to LLVM, the others to a compiler."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from uruk.compile.languages import LLVM_IR, is_ir
from uruk.errors import InvalidType
from uruk.orc.compiled_sources import SourceOptions, add_source_or_text
from uruk.orc.registry.inputs import check, check_cache, check_no_text, check_seconds, check_text, listed, path_of

if TYPE_CHECKING:
    from uruk.orc.dylib import JITDylib
    from uruk.orc.registry.tracker import ResourceTracker


def add_any_source(
    dylib: JITDylib,
    path: str | os.PathLike[str] | None,
    text: str | None,
    name: str,
    options: SourceOptions,
    tracker: ResourceTracker | None,
) -> ResourceTracker:
    """Add a source, a file or a text; see `LLJIT.add_source`."""
    if (path is None) == (text is None):
        raise InvalidType("a source is either a file or a text")
    check_text(text, name)
    check_seconds(options.timeout, "timeout")
    options.flags = listed(options.flags, "flags")
    for flag in options.flags:
        check(flag, str, "flags", "a list of texts")
    _check_compiler(options.compiler)
    check_cache(options.cache)
    if options.symbols is not None and not isinstance(options.symbols, (str, Mapping)):
        options.symbols = listed(options.symbols, "symbols")
    file = None
    if path is not None:
        file = path_of(path)
        check_no_text(file)
    if options.language == LLVM_IR or (not options.language and is_ir(file or "")):
        from uruk.orc.ir_sources import add_ir_source  # LLVM, which other sources do without

        return add_ir_source(dylib, file, text, name, options, tracker)
    return add_source_or_text(dylib, file, text, name, options, tracker)


def _check_compiler(compiler: object) -> None:
    """Raise InvalidType for what is no command of a compiler."""
    if compiler is None or isinstance(compiler, str):
        return
    words = list(cast("Sequence[object]", compiler)) if isinstance(compiler, Sequence) else []
    if not words or not all(isinstance(word, str) for word in words):
        raise InvalidType(
            f"compiler is a command such as 'clang-19', or its words as in ['ccache', 'gcc'], and {compiler!r} is none"
        )
