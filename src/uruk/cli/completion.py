"""``uruk completion bash``: a script by which bash completes uruk's commands and options.

The options are those that the texts of ``--help`` name, so that the script can be written once, and costs no start of
Python when a word is completed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from uruk.cli.usage import UsageError, read

USAGE = """\
usage: uruk completion bash

Print a script that completes uruk's commands, options and files in bash:

  uruk completion bash > ~/.local/share/bash-completion/completions/uruk
"""
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*=?")
_SCRIPT = """\
# Completes uruk's command line in bash; written by `uruk completion bash'.
_uruk() {
    local word=${COMP_WORDS[COMP_CWORD]} options=
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        COMPREPLY=($(compgen -W '@commands@' -- "$word"))
        return
    fi
    case ${COMP_WORDS[1]} in
@cases@
    esac
    [[ $word != -* ]] || COMPREPLY=($(compgen -W "$options" -- "$word"))
}
complete -o default -F _uruk uruk
"""


def completion(words: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    shell = read("completion", USAGE, words, _parse)
    if isinstance(shell, int):
        return shell
    print(_script(_usages()), end="")
    return 0


def _parse(words: Sequence[str]) -> str:
    if list(words) != ["bash"]:
        raise UsageError("name the shell, which is bash")
    return words[0]


def _usages() -> dict[str, str]:
    from uruk.cli import arguments, check, doctor, executor, show  # only the script needs them all

    return {
        "run": arguments.USAGE, "executor": executor.USAGE, "check": check.USAGE + arguments.USAGE, "show": show.USAGE,
        "doctor": doctor.USAGE, "completion": "", "version": "",
    }  # fmt: skip


def options_of(usage: str) -> list[str]:
    """Return the options that a text of ``--help`` describes, in order; with ``=`` those whose value follows that."""
    described = (line[2:].split("  ")[0] for line in usage.splitlines() if line.startswith("  -"))
    names = [name for text in described for name in _OPTION.findall(text)]
    return list(dict.fromkeys([*names, "--help"]))


def _script(usages: dict[str, str]) -> str:
    cases = "\n".join(f"        {name}) options='{' '.join(options_of(usage))}' ;;" for name, usage in usages.items())
    return _SCRIPT.replace("@commands@", " ".join(usages)).replace("@cases@", cases)
