"""Exports as the dynamic loader takes them: every name has its address, no other name has one."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
from pathlib import Path

import pytest

from uruk.formats.byte_source import ByteSource
from uruk.formats.elf.dynamic import SharedLibrary
from uruk.formats.elf.dynamic_hash import sysv_hash, sysv_hashes
from uruk.formats.elf.exports import build_exports
from uruk.target import HERE

from support.requirements import require_tool

pytestmark = pytest.mark.quick


def some_names(count: int) -> list[bytes]:
    rng = random.Random(7)
    texts = {bytes(rng.choices(b"abcxyz_019.@\xff\xc3", k=rng.randrange(1, 60))) for _ in range(count)}
    return sorted(texts)


def test_hashes_are_those_of_one_name_at_a_time() -> None:
    names = [b"", b"a", b"_ZSt4cout", b"x" * 300, *some_names(500)]
    assert sysv_hashes(names).tolist() == [sysv_hash(name) for name in names]


@pytest.mark.parametrize("count", [0, 1, 2, 3000])
def test_the_loader_finds_each(tmp_path: Path, count: int) -> None:
    names = some_names(count)
    symbols = {name: 0x1000 + 16 * row for row, name in enumerate(names)}
    path = tmp_path / "exports.so"
    path.write_bytes(build_exports(symbols, HERE.architecture))
    libc = ctypes.CDLL(None)
    libc.dlopen.restype = libc.dlsym.restype = ctypes.c_void_p
    libc.dlsym.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    libc.dlclose.argtypes = [ctypes.c_void_p]
    handle = libc.dlopen(os.fsencode(path), 2)
    assert handle
    assert {name: libc.dlsym(handle, name) for name in names} == symbols
    assert libc.dlsym(handle, b"no such name") is None
    libc.dlclose(handle)


def test_other_readers_take_it(tmp_path: Path) -> None:
    path = tmp_path / "exports.so"
    path.write_bytes(build_exports({b"first": 0x7F0012345678, b"last": (1 << 64) - 8}, HERE.architecture))
    with SharedLibrary(ByteSource(path)) as library:
        assert library.soname == "uruk-program"
        assert [one.value for one in library.symbols()] == [0x7F0012345678, (1 << 64) - 8]
    readelf = require_tool("readelf")
    text = subprocess.run([readelf, "-W", "-D", "-s", path], capture_output=True, text=True, check=True).stdout
    assert "00007f0012345678     0 NOTYPE  GLOBAL DEFAULT  ABS first" in text
    assert "fffffffffffffff8     0 NOTYPE  GLOBAL DEFAULT  ABS last" in text


def test_thread_locals_have_storage(tmp_path: Path) -> None:
    """Of their size, each apart; what wants one finds it, zero in every thread."""
    path = tmp_path / "exports.so"
    path.write_bytes(
        build_exports({b"address": 0x1234}, HERE.architecture, {b"small": 1, b"large": 100, b"unknown": 0})
    )
    with SharedLibrary(ByteSource(path)) as library:
        found = {one.name: (one.type, one.value) for one in library.symbols()}
    assert found == {b"address": (0, 0x1234), b"small": (6, 0), b"large": (6, 16), b"unknown": (6, 128)}
    readelf = require_tool("readelf")
    text = subprocess.run([readelf, "-W", "-l", path], capture_output=True, text=True, check=True).stdout
    assert "0x000090 R   0x10" in text  # 144 bytes, aligned to 16
    libc = ctypes.CDLL(None)
    libc.dlopen.restype = libc.dlsym.restype = ctypes.c_void_p
    libc.dlsym.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    handle = libc.dlopen(os.fsencode(path), 2)
    assert handle
    storage = {name: libc.dlsym(handle, name) for name in (b"small", b"large", b"unknown")}
    assert [storage[name] - storage[b"small"] for name in storage] == [0, 16, 128]
    assert ctypes.string_at(storage[b"small"], 144) == bytes(144)
