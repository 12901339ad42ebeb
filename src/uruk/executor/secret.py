"""The secret that a controller tells an executor that wants to hear a secret (runtime/executor/linux/listen.c)."""

from __future__ import annotations

from uruk.errors import ExecutorError

LONGEST = 4096
"""Bytes that a secret has at most."""


def greeting(secret: bytes) -> bytes:
    """Return the bytes that tell a secret. Raises ExecutorError for one that no executor takes."""
    if not secret:
        raise ExecutorError("the secret for the executor is empty")
    if len(secret) > LONGEST:
        raise ExecutorError(f"the secret for the executor has {len(secret)} bytes; {LONGEST} is the most")
    return b"URUKAUTH" + len(secret).to_bytes(8, "little") + secret
