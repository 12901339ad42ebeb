"""Hatchling's hook: the wheel carries the runtime, built outside the package's source folder.

A C compiler of this machine builds it for this machine; without one, or where `URUK_TARGETS` in the environment names
other targets, zig's compiler does, which is then required.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class RuntimeBuildHook(BuildHookInterface[Any]):
    """Build the runtime, and include it under ``uruk/_runtime/`` with what must be said about it."""

    def dependencies(self) -> list[str]:
        """Return what the build requires beside hatchling: zig's compiler, if it will be needed."""
        if self.target_name != "wheel":
            return []
        with self._own_modules():
            from build_support.toolchains import ZIG, Zig, toolchain_for, wanted_targets

            toolchain, _ = toolchain_for(wanted_targets())
            return [ZIG] if isinstance(toolchain, Zig) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before each build: wheel, editable wheel, and the metadata step of either."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        with self._own_modules():
            from build_support.executor import build_all, built_already
            from build_support.notices import write_notices
            from build_support.runtime import OUTPUT
            from build_support.targets import GLIBC
            from build_support.toolchains import tag_of, toolchain_for, wanted_targets

            toolchain, targets = toolchain_for(wanted_targets())
            if version == "editable":  # it finds them under build/ by itself
                missing = [target for target in targets if not built_already(root, target)]
                build_all(root, missing, toolchain, OUTPUT)
                return
            output = OUTPUT.with_name(toolchain.folder)
            built = build_all(root, targets, toolchain, output)
            built.append(write_notices(root / output, toolchain))
            build_data["tag"] = tag_of(toolchain, targets, GLIBC)
        build_data["pure_python"] = False
        for one in built:
            build_data["force_include"][str(one)] = f"uruk/_runtime/{one.name}"

    @contextmanager
    def _own_modules(self) -> Generator[None]:
        sys.path.insert(0, self.root)
        try:
            yield
        finally:
            sys.path.remove(self.root)
