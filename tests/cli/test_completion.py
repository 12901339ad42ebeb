"""`uruk completion bash`: what bash offers, asked of a real one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    command = [sys.executable, "-m", "uruk", "completion", "bash"]
    path = tmp_path_factory.mktemp("completion") / "uruk"
    path.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return path


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
    assert ended.stderr == "uruk completion: name the shell, which is bash; see `uruk completion --help'\n"
