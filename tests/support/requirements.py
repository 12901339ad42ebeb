"""What a test needs from the machine: a skip with a reason, or a failure where all tools are meant to be."""

from __future__ import annotations

import os
import shutil

import pytest

from build_support import arm64_root

STRICT = os.environ.get("URUK_CI") == "1"


def missing(what: str) -> None:
    """Skip the test for want of `what`, or fail it when URUK_CI=1."""
    if STRICT:
        pytest.fail(f"URUK_CI=1, and {what} is missing", pytrace=False)
    pytest.skip(f"needs {what}")


def require_arm64_root() -> None:
    """Skips the test without Debian's packages for arm64, or fails it when URUK_CI=1."""
    if not arm64_root.is_complete(arm64_root.folder()):
        missing("the folder that python -m build_support.arm64_root makes")


def require_tool(name: str) -> str:
    """The path of a program; skips the test without it, or fails it when URUK_CI=1."""
    path = shutil.which(name)
    if path is None:
        missing(name)
    assert path is not None
    return path
