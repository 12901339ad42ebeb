"""Where the runtime archive is: C code and compiler builtins that linked programs may need."""

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
    """The path of the archive of runtime objects for `target`; raises InternalError when this installation has none."""
    name = f"uruk_runtime-{target}.a"
    for folder in _FOLDERS:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise InternalError(
        f"no runtime archive {name} in {' or '.join(_FOLDERS)}; "
        "install uruk with pip, or run `make runtime' in its source tree"
    )
