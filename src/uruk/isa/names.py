"""Names of architectures. Nothing here imports numpy: what runs before it is imported asks, too."""

from __future__ import annotations

import os

from uruk.errors import ExecutorError

KNOWN = ("x86_64", "aarch64")
OF_ELF_MACHINE = {62: "x86_64", 183: "aarch64"}
"""ELF machine numbers (gABI, e_machine) -> architectures."""
_OTHERS = {"amd64": "x86_64", "arm64": "aarch64"}


def name_of(triple: str) -> str:
    """The architecture of a triple, or of a target such as ``aarch64-linux``. Raises ExecutorError if it is unknown."""
    name = triple.partition("-")[0].lower()
    name = _OTHERS.get(name, name)
    if name not in KNOWN:
        raise ExecutorError(f"code for {triple} cannot be run: uruk knows {' and '.join(KNOWN)}")
    return name


HERE_NAME = name_of(os.uname().machine)
"""That of this process."""
