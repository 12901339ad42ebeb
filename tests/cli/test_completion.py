"""`uruk completion`: what bash, zsh and fish offer, asked of real ones."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter


def written(folder: Path, shell: str) -> Path:
    """The script for a shell, in a folder of its own."""
    command = [sys.executable, "-m", "uruk", "completion", shell]
    path = folder / f"uruk.{shell}"
    path.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return path


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("completion"), "bash")


@pytest.mark.parametrize(
    ("words", "among", "never"),
    [
        (["uruk", ""], {"run", "show", "check", "doctor", "executor", "version", "completion"}, {"--help"}),
        (["uruk", "ch"], {"check"}, {"run"}),
        (["uruk", "run", "--in"], {"--in-process"}, {"--target", "--in"}),
        (["uruk", "run", "main.o", "--"], {"--target", "--entry", "--slab-allocate=", "--time", "--help"}, {"--json"}),
        (["uruk", "check", "--"], {"--json", "--entry"}, set[str]()),
        (["uruk", "show", "--"], {"--json", "--edges"}, {"--target"}),
        (["uruk", "executor", "--l"], {"--listen"}, {"--once"}),
        (["uruk", "run", "main"], set[str](), {"--time"}),
    ],
)
def test_what_bash_offers(words: list[str], among: set[str], never: set[str], script: Path) -> None:
    answer = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _uruk; printf "%s\\n" "${COMPREPLY[@]}"'
    ask = f'source "$0"; complete -p uruk; {answer}'
    command = [require_tool("bash"), "-c", ask, str(script), *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    first, *offered = ended.stdout.splitlines()
    assert first == "complete -o default -F _uruk uruk"
    assert among <= set(offered)
    assert not never & set(offered)
    assert ended.stderr == ""


def test_another_shell_is_refused() -> None:
    command = [sys.executable, "-m", "uruk", "completion", "tcsh"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "uruk completion: name the shell: bash, zsh, fish; see `uruk completion --help'\n"


COMPLETED = [
    ("uruk ch", "uruk check "),
    ("uruk run --in-p", "uruk run --in-process "),
    ("uruk run --slab-a", "uruk run --slab-allocate="),
    ("uruk show main", "uruk show main.o "),
]
"""A line before and after the key for completion, where there is one thing to complete it by."""


def test_what_zsh_completes(tmp_path: Path) -> None:
    """A real one, at a terminal: each line is completed, and echoed with marks around it instead of being run."""
    zsh, script = require_tool("zsh"), written(tmp_path, "zsh")
    (tmp_path / "main.o").touch()
    start = f"""
    autoload -U compinit && compinit -u -D && source {script}
    show() {{ zle complete-word; print -r -- "<<$BUFFER>>" >> {tmp_path}/shown; BUFFER=; zle accept-line }}
    zle -N show && bindkey "^I" show && touch {tmp_path}/ready
    """
    (tmp_path / ".zshrc").write_text(start)
    terminal, inside = pty.openpty()
    command = [require_tool("setsid"), "--ctty", zsh, "-i"]
    variables = {"ZDOTDIR": str(tmp_path), "PATH": os.environ["PATH"], "TERM": "dumb"}
    shell = subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside, cwd=tmp_path, env=variables)
    os.close(inside)
    reader = threading.Thread(target=drain, args=(terminal,), daemon=True)
    reader.start()
    wait_until((tmp_path / "ready").exists)
    shown = tmp_path / "shown"
    shown.touch()
    for number, (line, _) in enumerate(COMPLETED, 1):
        os.write(terminal, line.encode() + b"\t")
        wait_until(lambda number=number: shown.read_text().count(">>") == number)
    os.write(terminal, b"exit\n")
    assert shell.wait(60) == 0
    reader.join(60)
    os.close(terminal)
    assert shown.read_text().splitlines() == [f"<<{after}>>" for _, after in COMPLETED]


def drain(terminal: int) -> None:
    """Read what a shell prints, until it is gone: one whose terminal is full waits."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 4096):
            pass


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "zsh does not answer"
        time.sleep(0.02)


def test_what_fish_offers(tmp_path: Path) -> None:
    fish, script = require_tool("fish"), written(tmp_path, "fish")
    (tmp_path / "main.o").touch()
    for line, after in [*COMPLETED, ("uruk run -W", "uruk run -Wl"), ("uruk executor --l", "uruk executor --listen")]:
        ask = 'source $argv[1]; complete -C "$argv[2]"'
        command = [fish, "--no-config", "-c", ask, str(script), line]
        ended = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        offered = [each.split("\t")[0] for each in ended.stdout.splitlines()]
        assert after.split()[-1] in offered, (line, offered)
        assert all(each.startswith(line.split()[-1]) for each in offered)
        assert ended.stderr == ""
