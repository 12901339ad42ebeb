"""The files of the runtime: the archive of C code and compiler builtins, and the executor program."""

from __future__ import annotations

import os

from uruk.errors import InternalError, MissingRuntime
from uruk.machines import EXECUTOR_TARGETS

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
# Of an installed package, then of a source tree (an editable install, or src/ on the path).
_FOLDERS = (
    os.path.join(_PACKAGE, "_runtime"),
    os.path.join(os.path.dirname(os.path.dirname(_PACKAGE)), "build", "runtime"),
)
VARIABLE = "URUK_RUNTIME"
"""The variable of the environment that names one more folder, for targets that the others lack."""


def runtime_archive(target: str = "x86_64-linux") -> str:
    """Return the path of the archive of runtime objects for `target`. Raises MissingRuntime when there is none."""
    return _find("uruk_runtime-{}.a", target)


def executor_program(target: str = "x86_64-linux") -> str:
    """Return the path of uruk's executor for `target`, ready to be run. Raises MissingRuntime when there is none."""
    path = _find("uruk-executor-{}", target)
    if not os.access(path, os.X_OK):  # not every installer keeps the permission
        try:
            os.chmod(path, 0o755)
        except OSError as error:
            raise InternalError(f"{path} may not be executed: {error.strerror}; run `chmod +x' on it") from error
    return path


def _find(pattern: str, target: str) -> str:
    more = os.environ.get(VARIABLE, "")
    folders = (*_FOLDERS, more) if more else _FOLDERS
    for folder in folders:
        path = os.path.join(folder, pattern.format(target))
        if os.path.isfile(path):
            return path
    there = [
        other for other in EXECUTOR_TARGETS for folder in folders if os.path.isfile(f"{folder}/{pattern.format(other)}")
    ]
    raise MissingRuntime(target, pattern.format(target), list(dict.fromkeys(there)), folders)
