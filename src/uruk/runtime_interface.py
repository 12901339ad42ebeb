"""The number of the interface between uruk's Python code and its runtime, which every archive of the runtime has.

The build reads this module, which therefore imports nothing. A change of what the runtime's functions take, return or
do raises the number; `tests/runtime/test_runtime_interface.py` notices changes of their declarations.
"""

from __future__ import annotations

INTERFACE = 4
DECLARATIONS = "3389569d4d5aed18"
"""A digest of the declarations of the runtime's functions with this number."""
NAME = f"uruk_interface_{INTERFACE}"
"""The name that an archive of the runtime with this interface defines."""
