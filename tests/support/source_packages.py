"""Source packages of the Debian release that this machine runs, fetched by an apt with lists and sources of its own.

The machine's own configuration of apt stays as it is: its sources are asked for their addresses, and only read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / "build" / "link-lines"
TRIES = 3
TOOLS = ("apt-get", "dpkg-source")
CRATE = "librust-"
"""How the binary packages begin that hold the sources of a Rust crate."""
_CONFIGURATION = """\
APT::Sandbox::User "root";
Dir::State "{0}";
Dir::State::status "/dev/null";
Dir::Cache "{0}";
Dir::Etc::sourcelist "{0}/sources.list";
Dir::Etc::sourceparts "/dev/null";
"""


class NoSources(Exception):
    """A package's sources cannot be had; the message has what apt said."""


def unpacked(package: str) -> Path:
    """The folder of a package's sources, without Debian's patches; fetched if it is not in the cache.

    Raises NoSources.
    """
    folder = CACHE / "sources" / package
    CACHE.mkdir(parents=True, exist_ok=True)
    with _alone():
        if not folder.is_dir():
            _fetch(package, folder)
    inside = folder / "usr" / "share" / "cargo" / "registry" if _is_crate(package) else folder
    return next(path for path in sorted(inside.iterdir()) if path.is_dir())


def prepared(package: str, command: str) -> Path:
    """The folder of a package's sources in which a shell has run this command; kept in the cache.

    Raises NoSources, subprocess.CalledProcessError.
    """
    original = unpacked(package)
    key = hashlib.sha256(command.encode()).hexdigest()[:12]
    folder = CACHE / "prepared" / f"{package}-{key}"
    with _alone():
        if not folder.is_dir():
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            shutil.copytree(original, unfinished, symlinks=True)
            subprocess.run(["sh", "-ec", command], cwd=unfinished, check=True, capture_output=True)
            unfinished.rename(folder)
    return folder


def _is_crate(package: str) -> bool:
    return package.startswith(CRATE)


def _fetch(package: str, folder: Path) -> None:
    unfinished = folder.with_name(f"{package}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    kind = "deb" if _is_crate(package) else "deb-src"
    environment = {**os.environ, "APT_CONFIG": str(_configuration(kind))}
    _run(["apt-get", "-q", "update"], environment, unfinished)
    if _is_crate(package):
        _run(["apt-get", "-q", "download", package], environment, unfinished)
        _run(["dpkg-deb", "-x", next(unfinished.glob("*.deb")).name, "."], environment, unfinished)
    else:
        _run(["apt-get", "-q", "source", "--download-only", package], environment, unfinished)
        description = next(unfinished.glob("*.dsc")).name
        _run(["dpkg-source", "--skip-patches", "-x", description], environment, unfinished)
    unfinished.rename(folder)


def _configuration(kind: str) -> Path:
    """The file that tells apt to read this release's packages of a kind, ``deb`` or ``deb-src``, and nothing else."""
    state = CACHE / f"apt-{kind}"
    for part in ("lists/partial", "archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    words = ["indextargets", "--format", "$(RELEASE) $(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"]
    targets = subprocess.run(["apt-get", *words], capture_output=True, text=True, check=False).stdout
    # Other suppliers' repositories have other names for their releases, and often no sources.
    entries = {line.partition(" ")[2] for line in targets.splitlines() if line.partition(" ")[0] == release}
    if not entries:
        raise NoSources(f"apt's sources have no address for the release {release or 'of this system'}")
    (state / "sources.list").write_text("".join(f"{kind} {entry}\n" for entry in sorted(entries)), "utf-8")
    (state / "apt.conf").write_text(_CONFIGURATION.format(state), "utf-8")
    return state / "apt.conf"


def _run(command: list[str], environment: dict[str, str], folder: Path) -> None:
    for left in reversed(range(TRIES)):
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        if not left:
            raise NoSources(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        time.sleep(2)


@contextmanager
def _alone() -> Generator[None, None, None]:
    """Tests of several processes share the cache."""
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
