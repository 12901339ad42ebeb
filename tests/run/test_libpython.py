"""CPython's own static library, linked into a child, runs a script there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from requirements import missing, require_tool

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
LIBRARY = Path("/usr/lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11-pic.a")
LIBRARIES = ["-lm", "-lz", "-lexpat"]


@pytest.mark.parametrize("memory", ["--shared-memory", "--no-shared-memory"])
def test_script(tmp_path: Path, memory: str) -> None:
    if not LIBRARY.exists():
        missing("libpython3.11-dev")
    (tmp_path / "main.c").write_text(MAIN)
    (tmp_path / "script.py").write_text(SCRIPT)
    gcc = require_tool("gcc")
    subprocess.run([gcc, "-c", "-I/usr/include/python3.11", "main.c"], cwd=tmp_path, check=True)
    subprocess.run([gcc, "-o", "native", "main.o", LIBRARY, *LIBRARIES], cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "uruk", "run", memory, "main.o", str(LIBRARY), *LIBRARIES, "--"]
    done, native = (
        subprocess.run([*words, "script.py", "a", "b"], cwd=tmp_path, capture_output=True, timeout=120, check=False)
        for words in (command, ["./native"])
    )
    assert native.returncode == 4, native
    assert (done.stdout, done.stderr, done.returncode) == (native.stdout, native.stderr, native.returncode)
