"""Where the runtime archive is: C code and compiler builtins that linked programs may need."""

from __future__ import annotations

from pathlib import Path

from uruk.errors import InternalError

_PACKAGE = Path(__file__).parent
# Of an installed package, then of a source tree (an editable install, or src/ on the path).
_FOLDERS = (_PACKAGE / "_runtime", _PACKAGE.parent.parent / "build" / "runtime")


def runtime_archive(target: str = "x86_64-linux") -> Path:
    """The archive of runtime objects for `target`; raises InternalError when this installation has none."""
    name = f"uruk_runtime-{target}.a"
    for folder in _FOLDERS:
        path = folder / name
        if path.is_file():
            return path
    raise InternalError(
        f"no runtime archive {name} in {' or '.join(map(str, _FOLDERS))}; "
        "install uruk with pip, or run `make runtime' in its source tree"
    )
