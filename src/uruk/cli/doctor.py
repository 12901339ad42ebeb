"""``uruk doctor``: what this machine allows, and the remedy for each thing that it lacks."""

from __future__ import annotations

from collections.abc import Sequence

from uruk.cli.usage import UsageError, print_all, read
from uruk.program.numpy_import import import_numpy

USAGE = """\
usage: uruk doctor

Try what this machine allows: code in this process and in a child, shared memory, thread-local storage, programs for
other targets, compilers, LLVM IR, the cache. Each lack is printed with its remedy. The exit status is 1 if code can
run neither in this process nor in a child, or in only one of them; what is optional does not count.
"""


def parse(words: Sequence[str]) -> None:
    """Read the command line, which has no words. Raises UsageError."""
    if words:
        raise UsageError(f"unknown argument {words[0]}")


def doctor(words: Sequence[str]) -> int:
    """Run the command; the exit status."""
    if read("doctor", USAGE, words, parse) is not None:
        return 0 if any(word in ("-h", "--help") for word in words) else 2
    return print_all(_report)


def _report() -> int:
    import_numpy()
    from uruk.program.machine_report import findings  # takes time to import

    status = 0
    for finding in findings():
        print(f"{'lacks' if finding.remedy else 'ok':6}{finding.title}: {finding.text}", flush=True)
        if finding.remedy:
            print(f"      -> {finding.remedy}")
        status |= finding.needed
    return status
