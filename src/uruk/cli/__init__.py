"""The command line: one module a command, loaded when it is used."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

USAGE = """\
usage: uruk COMMAND ...

  uruk run INPUT... [-l NAME] [-L DIR] [-- ARGS]   link objects and sources into a child process and run main()
  uruk executor ...                                where another machine's programs run
  uruk check INPUT... [-l NAME] [-L DIR]           whether objects would link, and with what; nothing runs
  uruk show OBJECT                                 what is in an object
  uruk doctor                                      what this machine allows, and what to do about what it lacks
  uruk completion bash|zsh|fish                    a script that completes this command line in a shell
  uruk version                                     which version this is, as -V and --version do

`uruk COMMAND --help` says more.
"""


def hold_closed_streams() -> None:
    """Take the descriptors of standard streams that are closed (``>&-``), so that no file of uruk's gets one of them.

    They are opened the wrong way round: a program's reads and writes fail there, as natively.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the lowest free descriptor is the one that open() takes
            os.set_inheritable(os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY), True)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status (2 for wrong usage, 1 for an error of uruk's)."""
    hold_closed_streams()
    if arguments is None:  # this process is the command's
        from uruk.cli.module_finder import find_own_modules

        find_own_modules()
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = words[0] if words else ""
    if command == "run":
        gc.disable()  # neither imports nor a link make cycles worth looking for, and the columns are large
        from uruk.cli.run import run

        return run(words[1:])
    if command == "executor":
        from uruk.cli.executor import executor

        return executor(words[1:])
    if command == "show":
        from uruk.cli.show import show

        return show(words[1:])
    if command == "check":
        from uruk.cli.check import check

        return check(words[1:])
    if command == "doctor":
        from uruk.cli.doctor import doctor

        return doctor(words[1:])
    if command == "completion":
        from uruk.cli.completion import completion

        return completion(words[1:])
    if command in ("version", "-V", "--version"):
        from importlib.metadata import version

        print(f"uruk {version('uruk')}")
        return 0
    wrong = command not in ("", "-h", "--help", "help")
    if wrong:
        print(f"uruk: unknown command `{command}'; see `uruk --help'", file=sys.stderr)
        return 2
    print(USAGE, end="")
    return 0
