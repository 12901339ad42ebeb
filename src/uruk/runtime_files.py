"""The files of the runtime: the archive of C code and compiler builtins, and the executor program."""

from __future__ import annotations

import os

from uruk.errors import InternalError

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
# Of an installed package, then of a source tree (an editable install, or src/ on the path).
_FOLDERS = (
    os.path.join(_PACKAGE, "_runtime"),
    os.path.join(os.path.dirname(os.path.dirname(_PACKAGE)), "build", "runtime"),
)


def runtime_archive(target: str = "x86_64-linux") -> str:
    """Return the path of the archive of runtime objects for `target`; raises InternalError when this installation has
    none."""
    return _find(f"uruk_runtime-{target}.a", "runtime archive")


def executor_program(target: str = "x86_64-linux") -> str:
    """Return the path of uruk's executor for `target`, ready to be run; raises InternalError when there is none."""
    path = _find(f"uruk-executor-{target}", "executor program")
    if not os.access(path, os.X_OK):  # not every installer keeps the permission
        try:
            os.chmod(path, 0o755)
        except OSError as error:
            raise InternalError(f"{path} may not be executed: {error.strerror}; run `chmod +x' on it") from error
    return path


def _find(name: str, title: str) -> str:
    for folder in _FOLDERS:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise InternalError(
        f"no {title} {name} in {' or '.join(_FOLDERS)}; install uruk with pip, or run `make runtime' in its source tree"
    )
