"""Generating code of LLVM IR in a child, because LLVM ends the process for some faults of a module.

``python -m uruk.compile.ir_child``: a line of JSON, then bitcode on standard input; the object on standard output.
"""

from __future__ import annotations

import json
import os
import sys

from uruk.compile.llvm import CodeOptions, generate
from uruk.compile.process import Processes
from uruk.errors import CompileError

_REFUSED = 3


def compile_in_child(bitcode: bytes, name: str, options: CodeOptions, timeout: float | None = None) -> bytes:
    """Return the object of a module, or CompileError whatever LLVM does."""
    head = json.dumps([options.level, options.cpu, options.features, options.keep]).encode() + b"\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", __name__]
    ended = Processes().run(command, name, "LLVM", head + bitcode, timeout, environment)
    if ended.status == 0:
        return ended.out
    how = "no code for this module" if ended.status == _REFUSED else "LLVM gave up on this module"
    raise CompileError(name, "LLVM", how, ended.status, ended.err)


def main() -> int:
    """The child's side."""
    level, cpu, features, keep = json.loads(sys.stdin.buffer.readline())
    try:
        data = generate(sys.stdin.buffer.read(), "module", CodeOptions(level, cpu, features, tuple(keep)))
    except CompileError as error:
        print(error.diagnostics or error.problem, file=sys.stderr)
        return _REFUSED
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
