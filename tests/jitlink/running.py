"""Runs uruk-jitlink in this process, and LLVM's tool beside it."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from typing import IO, NamedTuple

from uruk.jitlink.main import main

from support.requirements import require_tool

LLVM_TOOL = "llvm-jitlink-19"


class Done(NamedTuple):
    """The end of a run."""

    status: int
    out: str
    err: str


def uruk_jitlink(*words: object) -> Done:
    """Run uruk's tool; a Python error is one of the test."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(word) for word in words])
    return Done(status, out.getvalue(), err.getvalue())


def run(*words: object, **variables: str) -> Done:
    """Run uruk's tool in a process of its own, which may end as its program does."""
    return run_to(subprocess.PIPE, *words, **variables)


def run_to(output: IO[str] | int, *words: object, **variables: str) -> Done:
    """Run it with its standard output in a file, or where `subprocess` says."""
    command = [sys.executable, "-m", "uruk.jitlink", *map(str, words)]
    done = subprocess.run(
        command, stdout=output, stderr=subprocess.PIPE, text=True, timeout=60, env={**os.environ, **variables}
    )
    assert "Traceback" not in done.stderr
    return Done(done.returncode, done.stdout or "", done.stderr)


def llvm_jitlink(*words: object) -> Done:
    """Run LLVM's tool."""
    command = [require_tool(LLVM_TOOL), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return Done(done.returncode, done.stdout, done.stderr)
