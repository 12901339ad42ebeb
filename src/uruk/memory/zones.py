"""The zones of a slab, one for each protection."""

from __future__ import annotations

from uruk.memory.mapper import Protection

PROTECTIONS = (Protection.R | Protection.X, Protection.R, Protection.R | Protection.W)
"""Zone number -> protection: code, constants, data."""
CODE, CONSTANT, DATA = range(3)
