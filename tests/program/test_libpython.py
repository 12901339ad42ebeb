"""CPython's own static library, linked into a child, runs a script there."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from build_support import arm64_root

from support.requirements import missing, require_arm64_root, require_tool

pytestmark = pytest.mark.any_interpreter

MAIN = "#include <Python.h>\nint main(int count, char **words) { return Py_BytesMain(count, words); }\n"
SCRIPT = r"""
import collections
import json
import re
import sys
import threading

try:
    1 / 0
except ZeroDivisionError as error:
    print("caught", error)
seen = []
thread = threading.Thread(target=lambda: seen.append(sum(at * at for at in range(1000))))
thread.start()
thread.join()
print(sys.version_info[:2], seen, json.dumps({"a": [1, 2.5, None]}), re.sub("a+", "b", "caat"))
print(collections.Counter("abracadabra").most_common(2), sys.argv[1:])
print("to stderr", file=sys.stderr)
sys.exit(4)
"""


@dataclass
class Debian:
    """Debian's CPython for an architecture: where its files are, and what compiles and runs code there."""

    root: Path
    triple: str
    compiler: str
    emulator: list[str]

    def build(self, folder: Path) -> list[str]:
        """Make `main.o` and the program `native`; return the words for the library and those that it needs."""
        library = self.root / f"usr/lib/python3.11/config-3.11-{self.triple}/libpython3.11-pic.a"
        if not library.exists():
            missing("libpython3.11-dev")
        (folder / "main.c").write_text(MAIN)
        (folder / "script.py").write_text(SCRIPT)
        gcc = require_tool(self.compiler)
        include = self.root / "usr/include"
        after = [word for at in (include, include / self.triple) for word in ("-idirafter", str(at))]
        subprocess.run([gcc, "-c", f"-I{include}/python3.11", *after, "main.c"], cwd=folder, check=True)
        needed = [str(self.root / "usr/lib" / self.triple / name) for name in ("libz.a", "libexpat.a")]
        subprocess.run([gcc, "-o", "native", "main.o", library, *needed, "-lm"], cwd=folder, check=True)
        return [str(library), *needed, "-lm"]


def check(debian: Debian, folder: Path, options: list[str]) -> None:
    """Run the script by both programs; they print the same."""
    words = debian.build(folder)
    uruk = [sys.executable, "-m", "uruk", "run", *options, "main.o", *words, "--"]
    done, native = (
        subprocess.run([*command, "script.py", "a", "b"], cwd=folder, capture_output=True, timeout=120, check=False)
        for command in (uruk, [*debian.emulator, "./native"])
    )
    assert native.returncode == 4, native
    assert (done.stdout, done.stderr, done.returncode) == (native.stdout, native.stderr, native.returncode)


@pytest.mark.parametrize("memory", ["--shared-memory", "--no-shared-memory"])
def test_script(tmp_path: Path, memory: str) -> None:
    check(Debian(Path("/"), "x86_64-linux-gnu", "gcc", []), tmp_path, [memory])


def test_script_on_aarch64(tmp_path: Path) -> None:
    require_arm64_root()
    root = arm64_root.folder()
    emulator = [arm64_root.EMULATOR, "-L", str(root)]
    check(
        Debian(root, arm64_root.TRIPLE, f"{arm64_root.TRIPLE}-gcc", emulator),
        tmp_path,
        ["--launcher", " ".join(emulator)],
    )
