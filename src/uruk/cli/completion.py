"""``uruk completion bash``, ``zsh`` or ``fish``: a script by which a shell completes uruk's commands and options.

The options are those that the texts of ``--help`` name, so that the script can be written once, and costs no start of
Python when a word is completed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from uruk.cli.usage import UsageError, read

USAGE = """\
usage: uruk completion bash|zsh|fish

Print a script that completes uruk's commands, options and files in a shell:

  uruk completion bash > ~/.local/share/bash-completion/completions/uruk
  uruk completion zsh > ~/.zfunc/_uruk           where fpath has ~/.zfunc, before compinit
  uruk completion fish > ~/.config/fish/completions/uruk.fish
"""
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*=?")
_BASH = """\
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
_ZSH = """\
#compdef uruk
# Completes uruk's command line in zsh; written by `uruk completion zsh'.
_uruk() {
    local -a options
    if (( CURRENT == 2 )); then
        compadd -- @commands@
        return
    fi
    case ${words[2]} in
@cases@
    esac
    if [[ $PREFIX == -* ]]; then
        compadd -S '' -- ${(M)options:#*=}
        compadd -- ${options:#*=}
    else
        _files
    fi
}
if [[ $funcstack[1] == _uruk ]]; then _uruk "$@"; else compdef _uruk uruk; fi
"""
_FISH = """\
# Completes uruk's command line in fish; written by `uruk completion fish'.
function __uruk_option_of
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test $words[2] = $argv[1]; and string match -q -- '-*' (commandline -ct)
end
complete -c uruk -f -n 'test (count (commandline -opc)) -eq 1' -a '@commands@'
@cases@
"""


def completion(words: Sequence[str]) -> int:
    """Run the command; returns the exit status."""
    shell = read("completion", USAGE, words, _parse)
    if isinstance(shell, int):
        return shell
    print(SHELLS[shell](_usages()), end="")
    return 0


def _parse(words: Sequence[str]) -> str:
    if len(words) != 1 or words[0] not in SHELLS:
        raise UsageError(f"name the shell: {', '.join(SHELLS)}")
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


def _filled(script: str, usages: dict[str, str], cases: Sequence[str]) -> str:
    return script.replace("@commands@", " ".join(usages)).replace("@cases@", "\n".join(cases))


def _bash(usages: dict[str, str]) -> str:
    cases = [f"        {name}) options='{' '.join(options_of(usage))}' ;;" for name, usage in usages.items()]
    return _filled(_BASH, usages, cases)


def _zsh(usages: dict[str, str]) -> str:
    cases = [f"        {name}) options=({' '.join(options_of(usage))}) ;;" for name, usage in usages.items()]
    return _filled(_ZSH, usages, cases)


def _fish(usages: dict[str, str]) -> str:
    cases = [
        f"complete -c uruk -n '__uruk_option_of {name}' -f -a '{' '.join(options_of(usage))}'"
        for name, usage in usages.items()
    ]
    return _filled(_FISH, usages, cases)


SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
"""The shells, and the function that makes the script of each."""
