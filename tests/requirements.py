"""What a test needs from the machine: a skip with a reason, or a failure where all tools are meant to be."""

from __future__ import annotations

import os
import shutil

import pytest

STRICT = os.environ.get("URUK_CI") == "1"


def missing(what: str) -> None:
    """Skip the test for want of `what`, or fail it when URUK_CI=1."""
    if STRICT:
        pytest.fail(f"URUK_CI=1, and {what} is missing", pytrace=False)
    pytest.skip(f"needs {what}")


def require_tool(name: str) -> str:
    """The path of a program; skips the test without it, or fails it when URUK_CI=1."""
    path = shutil.which(name)
    if path is None:
        missing(name)
    assert path is not None
    return path
