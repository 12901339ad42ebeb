"""Real objects, compiled once: each use has its own names and value, by changing bytes of the same length."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

NAME, NEED = "n_00_0000000", "n_99_9999999"
VALUE = 0x5EED1234
_TEXTS = {
    "leaf": f"int {NAME}(void) {{ return {VALUE:#x}; }}",
    "caller": f"extern int {NEED}(void); int {NAME}(void) {{ return {NEED}() + {VALUE:#x}; }}",
    "constructed": f"""static volatile int x;
        __attribute__((constructor)) static void begin(void) {{ x = {VALUE:#x}; }}
        int {NAME}(void) {{ return x; }}""",
    "thread_local": f"static __thread volatile int x = {VALUE:#x}; int {NAME}(void) {{ return x; }}",
}


class Pieces:
    """Objects that define one function ``int name(void)``."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")
        if compiler is None:
            raise RuntimeError("no C compiler: install gcc or clang")
        self._templates: dict[str, bytes] = {}
        for kind, text in _TEXTS.items():
            source, output = folder / f"{kind}.c", folder / f"{kind}.o"
            source.write_text(text, encoding="utf-8")
            subprocess.run([compiler, "-O1", "-fPIC", "-c", "-o", str(output), str(source)], check=True)
            data = output.read_bytes()
            if data.count(struct.pack("<I", VALUE)) != 1 or data.count(NAME.encode()) != 1:
                raise RuntimeError(f"{output}: the value or the name is not there exactly once")
            self._templates[kind] = data

    def make(self, kind: str, name: str, value: int, need: str = NEED) -> bytes:
        """An object of a kind of `_TEXTS`; a caller returns `value` more than what it calls."""
        data = self._templates[kind].replace(struct.pack("<I", VALUE), struct.pack("<I", value))
        return data.replace(NAME.encode(), name.encode()).replace(NEED.encode(), need.encode())


def name_of(owner: int, number: int) -> str:
    """A name of the length that templates have; `owner` is below 99."""
    return f"n_{owner:02}_{number:07}"
