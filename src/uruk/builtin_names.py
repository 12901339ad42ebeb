"""The names of compiler builtins: functions that compilers call by themselves, and no source names.

Nothing of uruk is imported here, as the build reads this module, too.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Integer and float arithmetic as libgcc and LLVM name it, and lock-free atomics. Those on more than 8 bytes take
# private locks in compilers' libraries, which do not exclude other copies: `runtime/common/atomic16.c` has those.
_BUILTIN = (
    rb"__(?:"
    rb"(?:u?(?:div|mod)|mul|ashl|ashr|lshr|u?divmod|u?cmp|clz|ctz|ffs|popcount|parity|bswap|neg|abs|addv?|subv?"
    rb"|mulv|mulo|negv|absv|bitreverse)(?:[sdt]i|[hsdxt]f|[hsdxt]c)[234]"
    rb"|(?:eq|ne|lt|le|gt|ge|unord)[hsdxt]f2"
    rb"|(?:extend|trunc)[hsdxt]f[hsdxt]f2|powi[hsdxt]f2"
    rb"|fix(?:uns)?[hsdxt]f[sdt]i|float(?:un)?[sdt]i[hsdxt]f"
    rb"|gnu_(?:f2h|h2f)_ieee|clear_cache"
    rb"|atomic_(?:load|store|exchange|compare_exchange|fetch_(?:add|sub|and|or|xor|nand))_[1248])"
)


_ENDINGS = tuple(b"1 2 3 4 8 si di ti hf sf df xf tf _ieee _cache".split())
"""The ends of all names that the pattern has: other names do not cost its compilation, which takes milliseconds."""
_HELPERS = frozenset(
    b"__sfp_handle_exceptions __aarch64_sync_cache_range __compilerrt_abort_impl "
    b"__fe_getround __fe_raise_inexact".split()
)
"""The functions that builtins of libgcc.a and compiler-rt call, and nothing else does."""


def is_builtin(name: bytes) -> bool:
    """Return True for the name of a function that compilers call by themselves."""
    return name.startswith(b"__") and name.endswith(_ENDINGS) and _pattern().fullmatch(name) is not None


def is_of_builtins(name: bytes) -> bool:
    """Return True for a builtin, and for what builtins call."""
    return is_builtin(name) or name in _HELPERS


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[bytes]:
    return re.compile(_BUILTIN)
