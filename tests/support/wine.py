"""One wine for all tests of a run: its folder takes 10 seconds and 700 MB to make.

URUK_WINEPREFIX names a folder whose server runs already, as `.ci/run` has one for several runs.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.requirements import require_tool

WITHOUT = "mscoree,mshtml,winemenubuilder.exe,explorer.exe,services.exe,plugplay=d"
"""What wine need not start: a desktop, services, installers of libraries."""


@contextmanager
def counted(folder: Path, by: int) -> Generator[int]:
    """How many processes of this run use the folder, `by` more from now on; nobody else counts meanwhile."""
    with open(folder / "users", "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        count = int(file.read() or "0") + by
        file.truncate(0)
        file.write(str(count))
        yield count


def use(prefix: Path, patch: pytest.MonkeyPatch) -> None:
    """Have all processes use a folder of wine's."""
    variables = {"WINEPREFIX": str(prefix), "WINEDLLOVERRIDES": WITHOUT, "WINEDEBUG": "-all"}
    for name, value in variables.items():
        patch.setenv(name, value)


def start_server() -> None:
    """Have wine's server run until 60 seconds after its last client, with the limits of this process.

    A server that a program starts has the program's limits: it ends at once where files may not be large.
    """
    # The status is 2 where one runs already.
    subprocess.run(["wineserver", "-p60"], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A private WINEPREFIX with a running server, one for all workers of a run; skips without wine."""
    require_tool("wine")
    require_tool("wineserver")
    given = os.environ.get("URUK_WINEPREFIX")
    if given:
        with pytest.MonkeyPatch.context() as patch:
            use(Path(given), patch)
            yield Path(given)
        return
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "wine"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        use(folder / "prefix", patch)
        with counted(folder, 1) as users:
            if users == 1:
                (folder / "prefix").mkdir()
                start_server()
                subprocess.run(["wine", "wineboot", "--init"], check=True, stdout=subprocess.DEVNULL, timeout=300)
        yield folder / "prefix"
        with counted(folder, -1) as users:
            if users == 0:
                subprocess.run(["wineserver", "-k"], check=False)
                shutil.rmtree(folder / "prefix", ignore_errors=True)
