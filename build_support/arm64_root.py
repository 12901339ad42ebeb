"""A folder with Debian's arm64 packages and a Python for them: what code for AArch64 is linked with and run in here.

    python -m build_support.arm64_root [FOLDER]

The machine's own packages stay as they are, and no foreign architecture is added to them: apt works on lists and a
database of its own, with the machine's sources and keys. It takes about 650 MB, and half a minute.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = (
    *("python3", "libpython3-dev", "libexpat1-dev"),
    *("libsqlite3-dev", "zlib1g-dev", "liblua5.4-dev", "libzstd-dev", "libstd-rust-dev"),
    *("libgphobos-12-dev", "libgc-dev", "libc++-19-dev", "libc++abi-19-dev", "libunwind-19-dev"),
)
WHEELS = ("numpy", "cffi", "rich")
TRIPLE = "aarch64-linux-gnu"
EMULATOR = "qemu-aarch64"
_APT = """\
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; }};
APT::Sandbox::User "root";
APT::Keep-Downloaded-Packages "true";
Dir::State "{0}";
Dir::State::status "/dev/null";
Dir::Cache "{0}";
Dir::Etc::Trusted "/etc/apt/trusted.gpg";
"""


def folder() -> Path:
    """Return where the tree is, or would be: URUK_AARCH64_ROOT, or a folder of the build."""
    return Path(os.environ.get("URUK_AARCH64_ROOT") or REPOSITORY / "build" / "aarch64-root")


def is_complete(root: Path) -> bool:
    """True if `root` was made to the end, with the packages that are wanted today."""
    stamp = root / "packages.txt"
    return stamp.is_file() and stamp.read_text("utf-8").split() == list(PACKAGES)


def make(root: Path) -> None:
    """Fill `root`. Raises RuntimeError, with what the tool printed."""
    unpack(root, PACKAGES)
    python = next((root / "usr" / "bin").glob("python3.[0-9]*"))
    version = python.name.removeprefix("python")
    target = ["--target", str(root / "site"), "--platform", "manylinux2014_aarch64", "--python-version", version]
    _run([sys.executable, "-m", "pip", "install", "-q", "--only-binary=:all:", *target, *WHEELS])
    (root / "packages.txt").write_text("\n".join(PACKAGES), "utf-8")


def unpack(root: Path, packages: Sequence[str], *, with_needed: bool = True) -> None:
    """Unpack packages of Debian's arm64, and those that they need, under `root`. Raises RuntimeError."""
    state = root / "apt"
    for part in ("lists/partial", "archives/partial"):
        (state / part).mkdir(parents=True, exist_ok=True)
    (state / "apt.conf").write_text(_APT.format(state), "utf-8")
    environment = {**os.environ, "APT_CONFIG": str(state / "apt.conf")}
    archives = state / "archives"
    _run(["apt-get", "-q", "update"], environment)
    if with_needed:
        words = ["install", "-y", "--download-only", "--no-install-recommends"]
        _run(["apt-get", "-q", *words, *packages], environment)
    else:
        _run(["apt-get", "-q", "download", *packages], environment, archives)
    (root / "usr" / "lib").mkdir(parents=True, exist_ok=True)
    for archive in sorted(archives.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(archive), str(root)])
        archive.unlink()


def python_command(root: Path, *sources: Path) -> list[str]:
    """The words that start the tree's Python under the emulator; it finds its packages, and those in `sources`."""
    libraries = ":".join(str(root / part / TRIPLE) for part in ("lib", "usr/lib"))
    python = next((root / "usr" / "bin").glob("python3.[0-9]*"))
    packages = ":".join(map(str, [*sources, root / "site"]))
    set_there = ["-E", f"LD_LIBRARY_PATH={libraries}", "-E", f"PYTHONPATH={packages}"]
    return [EMULATOR, "-L", str(root), *set_there, str(python)]


def _run(command: list[str], environment: dict[str, str] | None = None, where: Path | None = None) -> None:
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def main(arguments: list[str]) -> int:
    """Make the tree where it is not; print where it is."""
    root = Path(arguments[0]).resolve() if arguments else folder()
    if not is_complete(root):
        make(root)
    print(root)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
