"""What importing the package does not want: modules and files that not every system has."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]

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


def test_what_the_build_reads_imports_nothing_of_the_package() -> None:
    """A build runs these modules by their paths, where the package is not installed yet."""
    scripts = (ROOT / "build_support").glob("*.py")
    read = {name for script in scripts for name in re.findall(r'"src" / "uruk" / "(\w+\.py)"', script.read_text())}
    assert "machines.py" in read
    for name in sorted(read):
        path = str(ROOT / "src" / "uruk" / name)
        # An empty place and no site-packages: an editable package would be found there.
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", "import runpy, sys; runpy.run_path(sys.argv[1])", path],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
