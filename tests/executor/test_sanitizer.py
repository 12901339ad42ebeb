"""AddressSanitizer, loaded before all else by a launcher, as docs/guides/executors.md has it."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from support.requirements import require_tool

SOURCE = """
#include <stdlib.h>
int main(int count, char **words) { char *room = malloc(10); room[count + 9] = 1; return room[0]; }
"""

THREADS = """
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int shared;
static void *work(void *argument) {
    const char *word = argument;
    volatile char *room = malloc(10);
    room[!strcmp(word, "overflow") ? 10 : 9] = 1;
    if (!strcmp(word, "race")) shared++;
    free((void *)room);
    return argument;
}
int main(int count, char **words) {
    for (int times = 0; times < 50; times++) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++) pthread_create(&threads[i], 0, work, words[count - 1]);
        for (int i = 0; i < 4; i++) {
            void *result;
            pthread_join(threads[i], &result);
            if (result != words[count - 1]) return 2;
        }
    }
    printf("%s\\n", words[count - 1]);
    return 0;
}
"""


def test_address_sanitizer_sees_linked_code(tmp_path: Path) -> None:
    gcc = require_tool("gcc")
    (tmp_path / "main.c").write_text(SOURCE)
    subprocess.run([gcc, "-fsanitize=address", "-c", "main.c"], cwd=tmp_path, check=True)
    asked = subprocess.run([gcc, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    library = asked.stdout.strip()
    command = [sys.executable, "-m", "uruk", "run", "--launcher", f"env LD_PRELOAD={library}", "main.o", library]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    assert "heap-buffer-overflow" in done.stderr, done.stderr
    assert "0 bytes to the right of 10-byte region" in done.stderr, done.stderr


@pytest.mark.parametrize("kind", ["address", "thread", "leak", "undefined"])
@pytest.mark.parametrize("word", ["clean", "race", "overflow"])
def test_threads_run_as_natively(tmp_path: Path, kind: str, word: str) -> None:
    gcc = require_tool("gcc")
    (tmp_path / "main.c").write_text(THREADS)
    flags = ["-g", f"-fsanitize={kind}"]
    subprocess.run([gcc, *flags, "-c", "main.c"], cwd=tmp_path, check=True)
    subprocess.run([gcc, *flags, "main.o", "-o", "main"], cwd=tmp_path, check=True)
    uruk = [sys.executable, "-m", "uruk", "run", "main.o", flags[1], "--"]
    native, done = (
        subprocess.run([*command, word], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        for command in (["./main"], uruk)
    )
    assert (done.returncode, done.stdout) == (native.returncode, native.stdout), (native, done)
    problems = [line.partition("Sanitizer: ")[2].split(" ")[0] for line in native.stderr.splitlines()]
    for problem in filter(None, problems):
        assert f"Sanitizer: {problem}" in done.stderr, (native, done)


@pytest.mark.parametrize("place", [[], ["--in-process"]])
def test_the_hint_is_the_cure(tmp_path: Path, place: list[str]) -> None:
    """What the error about `__asan_report_store1` says, done word for word."""
    (tmp_path / "main.c").write_text(SOURCE)
    subprocess.run([require_tool("gcc"), "-fsanitize=address", "-c", "main.c"], cwd=tmp_path, check=True)
    run = shlex.join([sys.executable, "-m", "uruk", "run", *place, "main.o"])
    done = subprocess.run(["sh", "-c", run], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    preload = "LD_PRELOAD=$(gcc -print-file-name=libasan.so)"
    assert preload in done.stderr
    assert "add -l asan" in done.stderr
    by_flag = [] if place else [f"{run} -fsanitize=address"]
    for command in (f"{preload} {run} -l asan", *by_flag):
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert "0 bytes to the right of 10-byte region" in done.stderr, done.stderr
