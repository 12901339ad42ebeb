"""``python -m uruk.jitlink``."""

from __future__ import annotations

from uruk.jitlink.main import command

if __name__ == "__main__":
    command()
