"""Sessions of every place where linked code runs, and C objects for them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import uruk

from support.requirements import require_tool

PLACES = ("here", "shared", "messages", "aarch64", "windows")
"""This process; a child, with shared memory and without; one of another processor; one of Windows."""
EVERY_SYSTEM_HERE = ("here", "shared", "messages")
_COMPILERS = {"aarch64": "aarch64-linux-gnu-gcc", "windows": "x86_64-w64-mingw32-gcc-posix"}


def compiled(place: str, folder: Path, source: str, language: str = "c") -> bytes:
    """The object of a source for a place."""
    compiler = _COMPILERS.get(place, "gcc")
    if language == "c++":
        compiler = compiler.replace("gcc", "g++")
    path = folder / f"unit-{place}.o"
    command = [require_tool(compiler), "-O1", "-w", "-x", language, "-c", "-o", str(path), "-"]
    subprocess.run([*command, *["-fPIC"] * (place != "windows")], input=source, text=True, check=True, timeout=60)
    return path.read_bytes()


def session(place: str) -> uruk.LLJIT:
    """An open session of a place."""
    if place == "here":
        return uruk.LLJIT()
    if place in ("shared", "messages"):
        return uruk.LLJIT(executor=uruk.spawn(shared_memory=place == "shared"))
    if place == "aarch64":
        require_tool("qemu-aarch64")
    target = {"aarch64": "aarch64-linux", "windows": "x86_64-windows"}[place]
    return uruk.LLJIT(executor=uruk.spawn(target=target))
