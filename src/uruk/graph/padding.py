"""How inputs lie in a buffer. Without numpy, so that files can be read while that is being imported."""

from __future__ import annotations

ALIGN = 16
"""Each input begins at a multiple of this."""
TAIL = 32
"""Bytes kept readable behind the last input, so that fixed-size windows at any valid offset stay inside."""
