"""Blocks of lazy stubs: a page of code and a page of data each, alike for all architectures (runtime/lazy.c)."""

from __future__ import annotations

PAGE = 4096
STUBS = 128
"""Stubs a block."""
STUB_SIZE = 32
SLOTS = PAGE - 8 * STUBS
"""Where in the page of data the slots begin; the address of the runtime's entry is its first word."""
CHANGES = SLOTS - 8 * STUBS
"""Where in the page of data the counts are of how often each slot was set."""
