"""The logger `uruk`: it says what happened that no call raises. Nothing is printed unless the user sets logging up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger


def logger() -> Logger:
    """Return the logger; asked for only when something is said, because logging takes time to import."""
    import logging

    named = logging.getLogger("uruk")
    if not named.handlers:
        named.addHandler(logging.NullHandler())  # else Python prints warnings on standard error, a program's own
    return named
