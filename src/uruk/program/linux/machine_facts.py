"""Facts about this process under Linux that `uruk doctor` reports."""

from __future__ import annotations

from uruk.platforms.linux.loader_here import static_bytes_left

_LITTLE = 256
"""Bytes of static thread-local storage below which initial-exec code of ordinary libraries may not fit."""


def machine_facts() -> list[tuple[str, str, str]]:
    """Return a title, a text and a remedy for each fact; the remedy is empty where nothing lacks."""
    return [_static_storage()]


def _static_storage() -> tuple[str, str, str]:
    title = "static thread-local storage"
    try:
        left = static_bytes_left()
    except OSError as error:  # storage is asked for with a file of the loader's
        return title, f"cannot be asked for: {error.strerror}", "raise the limit of open files (ulimit -n)"
    text = f"{left} bytes are left in this process for code that wants a fixed offset (initial-exec)"
    remedy = "start with GLIBC_TUNABLES=glibc.rtld.optional_static_tls=4096, or compile with -fPIC"
    return title, text, remedy if left < _LITTLE else ""
