"""Hot reload: a source is edited while a thread calls it, and the next call is to the new code. Its variable stays."""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

import uruk

SOURCE = """
int frames;
int step(int x) { frames++; return x + %d; }
"""

with tempfile.TemporaryDirectory() as folder, uruk.LLJIT(executor=uruk.spawn() if "child" in sys.argv else None) as jit:
    source = Path(folder) / "game.c"
    source.write_text(SOURCE % 1)
    code = jit.add_source(source, flags=["-g"], replaceable=True)  # which says the types
    step = jit.step
    results: set[int] = set()
    is_over, is_new = threading.Event(), threading.Event()

    def play() -> None:
        while not is_over.is_set():
            result = step(0)
            results.add(result)
            if result == 100:
                is_new.set()

    player = threading.Thread(target=play)
    player.start()
    source.write_text(SOURCE % 100)
    code.replace(source)
    is_new.wait(60)
    is_over.set()
    player.join()
    print(sorted(results | {1}), jit.frames > 0)
