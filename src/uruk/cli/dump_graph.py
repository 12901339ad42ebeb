"""``uruk run --dump-graph``: the graph of every link at some points, to a file or standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from uruk.errors import UrukError
from uruk.graph.dump import Facts, dump_dict, dump_text
from uruk.passes.state import State
from uruk.passes.steps import Hook


def register(hooks: dict[str, list[Hook]], dumps: Sequence[tuple[str, str]]) -> None:
    """Add plug-ins that dump; (point, file) each, no file is standard error. Raises UrukError for a file not writable.

    Points with one text file share it; a JSON file is an array of {"point", "graph"}.
    """
    writers: dict[str, _Writer] = {}
    for point, file in dumps:
        if file not in writers:
            writers[file] = _Writer(file)
        hooks.setdefault(point, []).append(writers[file].dump)


class _Writer:
    """One file, written whole at every dump, so that it is good whatever comes after."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._json: list[Facts] | None = [] if file.endswith(".json") else None
        self._write("", "w")

    def dump(self, state: State) -> None:
        """Write what the link is now."""
        if self._json is None:
            self._write(f"== {state.point}\n{dump_text(state)}", "a")
            return
        self._json.append({"point": state.point, "graph": dump_dict(state)})
        self._write(json.dumps(self._json, indent=1) + "\n", "w")

    def _write(self, text: str, mode: str) -> None:
        if not self._file:
            sys.stderr.write(text)
            return
        try:
            with open(self._file, mode, encoding="utf-8", errors="backslashreplace") as out:
                out.write(text)
        except (OSError, ValueError) as error:
            raise UrukError(f"--dump-graph: cannot write `{self._file}': {error}") from error
