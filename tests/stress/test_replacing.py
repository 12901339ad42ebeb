"""10,000 replacements beside threads that call: no call is lost, and memory stays as it is (`make soak`)."""

from __future__ import annotations

import os

import pytest

import uruk

from support.replacing import replace_often

pytestmark = pytest.mark.any_interpreter

COUNT = int(os.environ.get("URUK_REPLACEMENTS", "0"))


@pytest.mark.parametrize("where", ["here", "shared", "wire"])
def test_flat(where: str) -> None:
    executor = None if where == "here" else uruk.spawn(shared_memory=where == "shared")
    with uruk.LLJIT(executor=executor) as jit:
        memory = replace_often(jit, COUNT or 10)
        if COUNT:
            assert all(late <= 1.1 * early for early, late in memory), memory
