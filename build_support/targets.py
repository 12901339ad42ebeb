"""The targets that a runtime and an executor are built for: those of `uruk.machines`.

The table is loaded from its file, as uruk is not installed while it is built.
"""

from __future__ import annotations

import runpy
from pathlib import Path

_TABLE = Path(__file__).resolve().parents[1] / "src" / "uruk" / "machines.py"

TARGETS: tuple[str, ...] = runpy.run_path(str(_TABLE))["TARGETS"]
