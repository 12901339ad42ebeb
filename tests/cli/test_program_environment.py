"""Programs of uruk's commands have the user's environment and their own threads alone, as natively."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

SOURCE = r"""
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
extern char **environ;
int main(void) {
    int threads = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *each; (each = readdir(tasks));) threads += each->d_name[0] != '.';
    printf("%d threads\n", threads);
    for (char **each = environ; *each; each++) puts(*each);
    puts(getenv("OPENBLAS_NUM_THREADS") ? "set" : "unset");
    fflush(stdout);
    return system("env | grep -c NUM_THREADS") < 0;
}
"""
COMMANDS = {
    "a child": ["-m", "uruk", "run"],
    "in process": ["-m", "uruk", "run", "--in-process"],
    "jitlink": ["-c", "from uruk.jitlink.main import command; command()"],
    "jitlink's child": ["-c", "from uruk.jitlink.main import command; command()", "-oop-executor"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("environment")
    (place / "shown.c").write_text(SOURCE)
    subprocess.run(["gcc", "-c", "shown.c"], check=True, cwd=place)
    subprocess.run(["gcc", "-o", "native", "shown.o"], check=True, cwd=place)
    return place


def shown(command: list[str], folder: Path, variables: dict[str, str]) -> list[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LAST": "one", **variables}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


@pytest.mark.parametrize("variables", [{}, {"OPENBLAS_NUM_THREADS": "2"}], ids=str)
@pytest.mark.parametrize("place", COMMANDS)
def test_the_environment_is_the_users(place: str, variables: dict[str, str], folder: Path) -> None:
    here = shown([sys.executable, *COMMANDS[place], "shown.o"], folder, variables)
    natively = shown(["./native"], folder, variables)
    assert here[1:] == natively[1:]
    if variables.get("OPENBLAS_NUM_THREADS") != "2":  # a user who wants threads of numpy gets them
        assert here[0] == natively[0] == "1 threads" or "child" in place
