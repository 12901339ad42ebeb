"""``python -m uruk.jitlink``."""

from __future__ import annotations

import sys

from uruk.jitlink.main import main

if __name__ == "__main__":
    sys.exit(main())
