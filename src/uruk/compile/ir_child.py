"""Generating code of LLVM IR in a child, because LLVM ends the process for some faults of a module.

``python -m uruk.compile.ir_child``: a line of JSON, then bitcode on standard input; the object on standard output.
"""

from __future__ import annotations

import json
import os
import sys
from functools import lru_cache

from uruk.compile.llvm import CodeOptions, bitcode_of, generate
from uruk.compile.process import Processes
from uruk.errors import CompileError

_REFUSED = 3
_TRIAL = 60.0
"""Seconds that a trial of a processor may take."""
_COMMAND = (sys.executable, "-m", "uruk.compile.ir_child")


def compile_in_child(bitcode: bytes, name: str, options: CodeOptions, timeout: float | None = None) -> bytes:
    """Return the object of a module, or CompileError whatever LLVM does."""
    ended = Processes().run(_COMMAND, name, "LLVM", _head(options) + bitcode, timeout, _environment())
    if ended.status == 0:
        return ended.out
    how = "no code for this module" if ended.status == _REFUSED else "LLVM gave up on this module"
    raise CompileError(name, "LLVM", how, ended.status, ended.err)


@lru_cache(maxsize=64)
def machine_problem(cpu: str, features: str) -> str:
    """Return LLVM's complaint of a processor or features for this machine, empty where it has none.

    For some, LLVM ends its process: they are tried in a child, once each in a process.
    """
    bitcode, _ = bitcode_of("define void @f() { ret void }", "cpu")
    options = CodeOptions(0, cpu or None, features, ())
    ended = Processes().run(_COMMAND, "cpu", "LLVM", _head(options) + bitcode, _TRIAL, _environment())
    said = ended.err.strip().splitlines()
    if ended.status == 0 and not said:
        return ""
    return said[0].removesuffix(" (ignoring processor)").removesuffix(" (ignoring feature)") if said else "nothing"


def _head(options: CodeOptions) -> bytes:
    return (
        json.dumps([options.level, options.cpu, options.features, options.keep, options.replaceable]).encode() + b"\n"
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def main() -> int:
    """The child's side."""
    level, cpu, features, keep, replaceable = json.loads(sys.stdin.buffer.readline())
    try:
        data = generate(sys.stdin.buffer.read(), "module", CodeOptions(level, cpu, features, tuple(keep), replaceable))
    except CompileError as error:
        print(error.diagnostics or error.problem, file=sys.stderr)
        return _REFUSED
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
