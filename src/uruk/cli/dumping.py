"""``--dump-graph``: the graph at points of the link, as text or JSON, for who wants to see what a pass did."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from uruk.errors import UrukError
from uruk.graph.dump import dump_json, dump_text
from uruk.lljit import LLJIT
from uruk.passes.state import State


def add_dumps(jit: LLJIT, dumps: Sequence[tuple[str, str]]) -> None:
    """Have links dumped: (point, file) each; no file stands for standard error, ``.json`` at its end means JSON.

    A program may take several links; a file has all of them, one after the other. Raises UrukError for an unknown point
    or a file that cannot be written.
    """
    for point, file in dumps:
        _check(file)
        jit.add_pass(point, _Dump(file))


def _check(file: str) -> None:
    """Empty the file, or make it."""
    if file:
        try:
            with open(file, "w", encoding="utf-8"):
                pass
        except OSError as error:
            raise UrukError(f"--dump-graph: {file}: {error.strerror}") from error


class _Dump:
    """A plug-in of the link that writes its state down."""

    def __init__(self, file: str) -> None:
        self._file = file

    def __call__(self, state: State) -> None:
        """Write the state as it is now."""
        text = dump_json(state) if self._file.endswith(".json") else dump_text(state)
        if self._file:
            with open(self._file, "a", encoding="utf-8") as out:
                out.write(text)
        else:
            print(f"== {state.point}", file=sys.stderr)
            sys.stderr.write(text)
