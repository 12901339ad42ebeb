"""``python -m build_support`` builds archives and programs of all targets by zig, for a source tree that is not
installed."""

from __future__ import annotations

from .executor import build_all
from .targets import EXECUTOR_TARGETS, ROOT
from .toolchains import Zig

for built in build_all(ROOT, EXECUTOR_TARGETS, Zig()):
    print(f"{built} ({built.stat().st_size:,} bytes)")
