"""What importing the package does not want: modules and files that not every system has."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.quick

HIDDEN = """
import builtins, io, os, pkgutil, importlib, sys
import ctypes, numpy, subprocess, tempfile  # these may look around as they like

for name in ("fcntl", "resource"):
    sys.modules[name] = None

def watch(opener):
    def opens(path, *arguments, **options):
        if isinstance(path, (str, bytes, os.PathLike)) and os.fsdecode(path).startswith("/proc"):
            raise AssertionError(f"{os.fsdecode(path)} is opened")
        return opener(path, *arguments, **options)
    return opens

builtins.open = io.open = watch(io.open)
os.open = watch(os.open)

import uruk

count = 0
for module in pkgutil.walk_packages(uruk.__path__, "uruk."):
    if module.name != "uruk.__main__":
        importlib.import_module(module.name)
        count += 1
print(count)
try:
    open("/proc/self/maps")
except AssertionError as error:
    print(error)
"""


def test_every_module_is_imported_without_fcntl_resource_and_proc() -> None:
    done = subprocess.run([sys.executable, "-c", HIDDEN], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    count, seen = done.stdout.splitlines()
    assert int(count) > 200
    assert seen == "/proc/self/maps is opened"  # or nothing would be noticed
