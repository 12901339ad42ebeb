"""The compilers that tests of compiling go through."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from importlib.util import find_spec

from support.requirements import missing, require_tool

Run = Callable[..., "subprocess.CompletedProcess[str]"]
"""``uruk run`` with words, and variables by name."""
FAMILIES = ("gcc", "clang-19", "zig cc")


def require_family(family: str) -> str:
    """A compiler that must be there: on PATH, or in the ziglang package."""
    if family.startswith("zig"):
        if find_spec("ziglang") is None:
            missing("the ziglang package")
    else:
        require_tool(family)
    return family
