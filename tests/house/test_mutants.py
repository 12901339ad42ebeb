"""Everything that `make mutants` leaves alone is in the code: its entries name functions and numbers, which move."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from test_tidy import PACKAGE, ROOT

pytestmark = pytest.mark.quick


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "tests" / "mutants")
    monkeypatch.delitem(sys.modules, "places", raising=False)  # tests/calls has one of that name
    return importlib.import_module("places")


def test_all_that_is_left_alone_is_there(places: ModuleType) -> None:
    assert len(places.all_mutants(PACKAGE)) > 5000


def test_what_is_gone_is_named(places: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "graph").mkdir()
    (tmp_path / "graph" / "new.py").write_text("def moved(a, b):\n    return a + b\n")
    monkeypatch.setattr(places, "EQUIVALENT", {"graph/old.py before: a + b -> a - b": "it moves"})
    monkeypatch.setattr(places, "TUNING", {("graph/new.py", "MOST"): "it goes"})
    with pytest.raises(ValueError, match=r"not there any more:\ngraph/new\.py MOST\ngraph/old\.py before") as caught:
        places.all_mutants(tmp_path)
    assert str(caught.value).endswith("perhaps now: graph/new.py moved: a + b -> a - b")
