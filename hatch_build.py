"""Hatchling's hook: the wheel carries the runtime archive, built outside the package's source folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RuntimeBuildHook(BuildHookInterface[Any]):
    """Build the runtime for all targets, and include it under ``uruk/_runtime/``; the wheel stays py3-none-any."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before each build: wheel, editable wheel, and the metadata step of either."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        sys.path.insert(0, self.root)
        try:
            from build_support.executor import build_executors
            from build_support.runtime import build_all
        finally:
            sys.path.remove(self.root)
        # An editable install finds them under build/ by itself.
        built = [*build_all(root), *build_executors(root)]
        if version != "editable":
            for one in built:
                build_data["force_include"][str(one)] = f"uruk/_runtime/{one.name}"
