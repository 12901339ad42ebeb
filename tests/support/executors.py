"""Executor programs of each system, started by hand."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import uruk
from uruk.runtime_files import executor_program

from support.requirements import require_tool

TARGETS = ("x86_64-linux", "x86_64-windows")
"""The targets whose executors run here, those of Windows under wine."""


def command_of(target: str) -> list[str]:
    """The command that starts an executor; words that say where its line is come behind it."""
    return [*(["wine"] if target == "x86_64-windows" else []), executor_program(target)]


MAPPED_OR_NOT = ("here", "child", "by messages")
"""This process, a child with shared memory, and one whose memory is reached by messages."""


def session_in(place: str) -> uruk.LLJIT:
    """An open session in one of `MAPPED_OR_NOT`."""
    return uruk.LLJIT(executor=None if place == "here" else uruk.spawn(shared_memory=place == "child"))


_COMPILERS = {
    "x86_64-linux": ("gcc", "-O1", "-fPIC"),
    "x86_64-windows": ("x86_64-w64-mingw32-gcc-posix", "-O1"),
}


def compiled_for(target: str, folder: Path, source: str | bytes, name: str = "unit") -> bytes:
    """The object of a C source, for an executor of `target`."""
    compiler, *flags = _COMPILERS[target]
    text = source.encode() if isinstance(source, str) else source
    path = folder / f"{name}-{target}.o"
    command = [require_tool(compiler), *flags, "-w", "-x", "c", "-c", "-o", str(path), "-"]
    subprocess.run(command, input=text, check=True)
    return path.read_bytes()


def line_words(target: str) -> list[str]:
    """The words by which an executor under wine finds descriptors of this process."""
    return [f"controller={os.getpid()}"] if target == "x86_64-windows" else []


def with_secrets(**variables: str) -> dict[str, str]:
    """This process's environment with these variables; no secret in it is another one's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("URUK_SECRET")}
    return {**kept, **variables}


def port_of(process: subprocess.Popen[str]) -> int:
    """The port that an executor says it listens on."""
    assert process.stdout is not None
    said = re.fullmatch(r"listening on .*:(\d+)\r?\n", process.stdout.readline())
    assert said
    return int(said[1])


@contextmanager
def listening(target: str, verb: str = "serve", **variables: str) -> Generator[tuple[int, int]]:
    """An executor that listens on loopback: its port and process."""
    command = [*command_of(target), f"{verb}=127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=with_secrets(**variables)) as process:
        try:
            yield port_of(process), process.pid
        finally:
            process.kill()
