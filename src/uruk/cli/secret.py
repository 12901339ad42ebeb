"""The secret that an executor wants to hear first, as the command line's user gives it."""

from __future__ import annotations

import os
import select
import time

from uruk.errors import ExecutorError
from uruk.spawning import LONGEST_SECRET

PATIENCE = 10.0
"""Seconds that a secret may take to come through a pipe."""


def secret() -> bytes | None:
    """Return the value of URUK_SECRET, or the content of the file of URUK_SECRET_FILE; None if neither is set.

    Both leave the environment. Raises ExecutorError for a file that cannot be read.
    """
    text = os.environb.pop(b"URUK_SECRET", None)
    path = os.environ.pop("URUK_SECRET_FILE", None)
    if text is not None or path is None:
        return text
    try:
        return _content(path, LONGEST_SECRET + 3).rstrip(b"\r\n")  # an end of line, and a byte more than fits
    except OSError as error:
        raise ExecutorError(f"the secret of {path} cannot be read: {error.strerror}") from error


def _content(path: str, most: int) -> bytes:
    """Return at most `most` bytes of a file, which may be a pipe (``<(command)``) that takes its time."""
    end = time.monotonic() + PATIENCE
    content = bytearray()
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        while len(content) < most:
            waiting = select.poll()
            waiting.register(file, select.POLLIN)
            if not waiting.poll(max(0.0, end - time.monotonic()) * 1000):
                raise ExecutorError(f"the secret of {path} does not come within {PATIENCE:.0f} seconds")
            try:
                part = os.read(file, most - len(content))
            except BlockingIOError:
                continue
            if not part:
                break
            content += part
    finally:
        os.close(file)
    return bytes(content)
