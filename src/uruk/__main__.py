"""``python -m uruk``."""

from __future__ import annotations

import sys

from uruk.cli import main

sys.exit(main())
