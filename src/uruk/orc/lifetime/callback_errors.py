"""Exceptions of Python functions that initialisers and finalisers call: what ran these raises them when it is done."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

_NOTHING = nullcontext()


def led_to() -> AbstractContextManager[None]:
    """Raise, at the end, the first exception of callbacks in the initialisers and finalisers that run meanwhile."""
    raised = sys.modules.get("uruk.executor.raised")  # without it there are no callbacks
    return _NOTHING if raised is None else raised.led_to()
