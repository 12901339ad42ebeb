"""For tests of the session: real compilers, an open JIT, and child interpreters for what may end the process."""

from __future__ import annotations

from native_fixtures import cc as cc
from native_fixtures import child as child
from native_fixtures import jit as jit
