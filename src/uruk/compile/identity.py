"""The identity of a compiler: a digest that changes when the compiler does, and its kind. Found out once a process."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from glob import glob

from uruk.compile.compilers import zig_mode
from uruk.compile.process import Processes
from uruk.compile.zig import zig_environment
from uruk.errors import CompileError

_TIMEOUT = 60.0
_CONFIGURATION = re.compile(r"^Configuration file: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Compiler:
    """A command that compiles, its kind (``gcc``, ``clang``, ``zig``, or empty for another), and its identity.

    `identity` is a digest of what makes the compiler: where it lies, what it says of itself, size and time of change of
    its programs (gcc: the compilers proper and the assembler, too) and its configuration files.
    """

    words: tuple[str, ...]
    kind: str
    identity: str

    @property
    def shown(self) -> str:
        """The command as people write it."""
        return shlex.join(self.words)


_known: dict[tuple[object, ...], Compiler] = {}
_lock = threading.RLock()  # reentrant: a destructor may compile in the middle


def identify(words: Sequence[str]) -> Compiler:
    """Return what `find_compiler` has found, with kind and identity. Raises CompileError when it does not answer."""
    asked = (*words, *(os.environ.get(name) for name in ("PATH", "GCC_EXEC_PREFIX", "COMPILER_PATH")))
    with _lock:  # held while it is found out: eight threads must not ask eight times
        if asked not in _known:
            _known[asked] = _ask(tuple(words))
        return _known[asked]


def _ask(words: tuple[str, ...]) -> Compiler:
    version = _answer(words, "--version")
    kind = _kind(words, version)
    facts = [*words, version, *map(_file_state, _programs(words))]
    if kind == "clang":
        facts += [_file_state(path) for program in _programs(words) for path in _libraries(program)]
    if kind == "gcc":
        for name in ("cc1", "cc1plus", "as"):
            program = _answer(words, f"-print-prog-name={name}").strip()
            facts.append(_file_state(shutil.which(program) or program))
        facts.append(_content(_answer(words, "-print-file-name=specs").strip()))
    facts += [_content(path.strip()) for path in _CONFIGURATION.findall(version)]
    return Compiler(words, kind, hashlib.sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest())


def _answer(words: Sequence[str], question: str) -> str:
    command = [*words, question]
    with zig_environment(words) as environment:
        ended = Processes().run(command, question, shlex.join(words), timeout=_TIMEOUT, environment=environment)
    if ended.status:
        problem = f"does not answer {question}: is it a compiler? Name another one"
        raise CompileError(question, shlex.join(words), problem, ended.status, ended.err)
    return ended.out.decode("utf-8", "backslashreplace")


def _kind(words: Sequence[str], version: str) -> str:
    if zig_mode(words):
        return "zig"
    if "clang" in version.lower():
        return "clang"
    return "gcc" if "Free Software Foundation" in version else ""


def _programs(words: Sequence[str]) -> list[str]:
    """Return the programs that a command names: ``ccache gcc`` names two."""
    paths = [shutil.which(word) for word in words if not word.startswith("-")]
    return [path for path in paths if path]


def _libraries(program: str) -> list[str]:
    """clang proper, where it is a library: a new build of a development version says the same of itself."""
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(program))), "lib")
    return sorted(glob(os.path.join(folder, "libclang-cpp*.so*")) + glob(os.path.join(folder, "libLLVM*.so*")))


def _file_state(path: str) -> str:
    try:
        state = os.stat(path)
    except OSError:
        return f"{path} is not there"
    return f"{os.path.realpath(path)} {state.st_size} {state.st_mtime_ns}"


def _content(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return f"{path} is not there"
