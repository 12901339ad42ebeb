"""For tests of link lines: compilers, and both ways to run what they would link."""

from __future__ import annotations

from native_fixtures import cc as cc
