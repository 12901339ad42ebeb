"""For all tests: fixtures, and no skip where the machine is meant to have everything."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from support.hostile_fixtures import lasting_jit as lasting_jit
from support.hostile_fixtures import objects as objects
from support.hostile_fixtures import still_works as still_works
from support.native_fixtures import cc as cc
from support.native_fixtures import child as child
from support.native_fixtures import jit as jit
from support.requirements import STRICT
from support.requirements import require_tool as _require_tool
from support.wine import wine as wine


def pytest_configure() -> None:
    """Take Ctrl-C back where the shell that started the tests ignores it: programs under test inherit the choice."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], str]:
    """`requirements.require_tool`, for tests that take it as an argument."""
    return _require_tool


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """With URUK_CI=1 a skip is a failure: a test that does not run proves nothing."""
    report: pytest.TestReport = yield
    if STRICT and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and URUK_CI=1: {report.longrepr}"
    return report
