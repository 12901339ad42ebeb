"""Starting again with more static thread-local storage, when a program needs it.

How much a process has is fixed when it starts (``glibc.rtld.optional_static_tls``). ``uruk run`` knows what a program
needs only when it links it, before any of its code has run: it then replaces itself once by a process that has enough.
The program sees the environment as it was.
"""

from __future__ import annotations

import contextlib
import os
import sys

VARIABLE = "GLIBC_TUNABLES"
SAVED = "URUK_SAVED_TUNABLES"
"""The variable's value before: empty for unset, else its value behind an equals sign."""


def has_started_again() -> bool:
    """Return True in a process that `start_again` began: a third one would have no more storage than the second."""
    return SAVED in os.environ


def start_again(size: int) -> None:
    """Replace this process by the same command with `size` bytes of optional static storage.

    It returns where the system refuses, as it does under an emulator that this machine does not start by itself.
    """
    environment = dict(os.environ)
    old = environment.get(VARIABLE)
    environment[SAVED] = "" if old is None else f"={old}"
    setting = f"glibc.rtld.optional_static_tls={size}"
    environment[VARIABLE] = f"{old}:{setting}" if old else setting
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.suppress(OSError):
        os.execve(sys.executable, sys.orig_argv, environment)


def as_it_was(environment: list[bytes]) -> list[bytes]:
    """Return the environment (``NAME=value`` each) without what `start_again` changed."""
    saved = os.environb.get(SAVED.encode())
    if saved is None:
        return environment
    changed = (f"{VARIABLE}=".encode(), f"{SAVED}=".encode())
    kept = [entry for entry in environment if not entry.startswith(changed)]
    return [*kept, VARIABLE.encode() + saved] if saved else kept
