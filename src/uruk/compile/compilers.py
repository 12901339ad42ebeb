"""The choice of a compiler: one that is named, that of CC or CXX, one on PATH, or zig's from the `ziglang` package."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Sequence
from importlib.util import find_spec

from uruk.compile.languages import NAMES
from uruk.errors import CompilerNotFound
from uruk.target import HERE

_ZIG_MODES = {"c": "cc", "c++": "c++"}
_VERSIONED = {
    "c": re.compile(r"(?:gcc|clang)-\d+(?:\.\d+)*"),
    "c++": re.compile(r"(?:g|clang)\+\+-\d+(?:\.\d+)*"),
}


def find_compiler(language: str, named: str | Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the command that compiles `language` (as ``-x`` takes it): its path, and words that belong to it.

    `named` is a name (``clang-19``), a path, or a command with arguments (``zig cc``, ``ccache gcc``); without it CC or
    CXX is asked, then PATH. Raises CompilerNotFound.
    """
    family = "c++" if language == "c++" else "c"
    variable = "CXX" if family == "c++" else "CC"
    if named is not None:
        words = _words(named)
        compiler = _named(words, family)
        if compiler is None:
            raise CompilerNotFound(NAMES.get(language, language), [shlex.join(words) or "an empty command"])
        return compiler
    from_environment = os.environ.get(variable, "").strip()
    if from_environment:
        compiler = _named(_words(from_environment), family)
        if compiler is None:
            raise CompilerNotFound(NAMES.get(language, language), [f"{from_environment} (of {variable})"])
        return compiler
    return _searched(language, family)


def cross_compiler(target: str) -> str | None:
    """Return a compiler for a target such as ``aarch64-linux`` that is not this machine's: gcc's, clang, or zig; else
    None.

    None, too, if there is nothing of the kind: the usual compiler's object then says what it is for.
    """
    architecture = target.partition("-")[0]
    windows = "windows" in target
    if architecture in ("", HERE.architecture) and not windows:
        return None
    # Debian's gcc for Windows is there once for each model of threads
    names = ["w64-mingw32-gcc", "w64-mingw32-gcc-posix"] if windows else ["linux-gnu-gcc"]
    for name in names:
        if path := _which(f"{architecture}-{name}"):
            return shlex.quote(path)
    if path := _which("clang") or _newest_versioned(re.compile(r"clang-\d+")):
        return f"{shlex.quote(path)} --target={architecture}-{'w64-windows' if windows else 'linux'}-gnu"
    if path := _which("zig") or _packaged_zig():
        return f"{shlex.quote(path)} cc -target {architecture}-{'windows' if windows else 'linux'}-gnu"
    return None


def zig_mode(words: Sequence[str]) -> int:
    """Return the index of zig's subcommand (``cc`` or ``c++``) in a command; 0 if that is not zig's."""
    for at, word in enumerate(words[1:], 1):
        before = os.path.basename(words[at - 1])
        if word in _ZIG_MODES.values() and (before == "ziglang" or re.fullmatch(r"zig(?:-[\d.]+)?", before)):
            return at
    return 0


def _words(named: str | Sequence[str]) -> list[str]:
    """Return the words of a command; a path with spaces that is there is one word."""
    if not isinstance(named, str):
        return list(named)
    if os.path.isfile(named):
        return [named]
    try:
        return shlex.split(named)
    except ValueError:  # an open quotation
        return [named]


def _named(words: list[str], family: str) -> tuple[str, ...] | None:
    if not words:
        return None
    if words == ["zig"]:
        words = ["zig", "cc"]
    path = _which(words[0]) or (_packaged_zig() if words[0] == "zig" else None)
    if path is None:
        return None
    return _for_language((path, *words[1:]), family)


def _for_language(words: tuple[str, ...], family: str) -> tuple[str, ...]:
    """zig has the headers of its C++ library only as ``zig c++``; gcc and clang go by the source."""
    at = zig_mode(words)
    return (*words[:at], _ZIG_MODES[family], *words[at + 1 :]) if at else words


def _searched(language: str, family: str) -> tuple[str, ...]:
    names = ("c++", "g++", "clang++") if family == "c++" else ("cc", "gcc", "clang")
    for name in names:
        if path := _which(name):
            return (path,)
    if path := _newest_versioned(_VERSIONED[family]):
        return (path,)
    if path := _which("zig") or _packaged_zig():
        return (path, _ZIG_MODES[family])
    versioned = "g++-N, clang++-N" if family == "c++" else "gcc-N, clang-N"
    raise CompilerNotFound(NAMES.get(language, language), [*names, versioned, "zig", "the ziglang package"])


def _which(name: str) -> str | None:
    path = shutil.which(name)
    return os.path.abspath(path) if path else None


def _newest_versioned(pattern: re.Pattern[str]) -> str | None:
    """Return ``clang-19`` and the like on PATH: gcc before clang, as distributions have it, then the highest number."""
    candidates: list[tuple[bool, list[int], str]] = []
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in filter(pattern.fullmatch, names):
            numbers = [int(number) for number in re.findall(r"\d+", name)]
            candidates.append((not name.startswith("clang"), numbers, name))
    for _, _, name in sorted(candidates, reverse=True):
        if path := _which(name):
            return path
    return None


def _packaged_zig() -> str | None:
    """Return the program of the `ziglang` package, without a start of Python between."""
    spec = find_spec("ziglang")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = os.path.join(folder, "zig")
        if os.access(path, os.X_OK):
            return path
    return None
