"""Compilers and child interpreters for stress tests."""

from __future__ import annotations

from native_fixtures import cc as cc
from native_fixtures import child as child
