"""uruk: a JIT linker. Relocatable object code in, callable symbols out.

with uruk.LLJIT() as jit:
    jit.add_object("add.o")
    add = jit.lookup("add").function("int(int, int)")

Importing uruk loads the errors only; numpy and the linker come with the first use of `LLJIT`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from uruk.errors import AllocationError as AllocationError
from uruk.errors import DuplicateDefinition as DuplicateDefinition
from uruk.errors import InternalError as InternalError
from uruk.errors import InUse as InUse
from uruk.errors import LibraryError as LibraryError
from uruk.errors import LibraryNotFound as LibraryNotFound
from uruk.errors import LinkError as LinkError
from uruk.errors import ObjectFormatError as ObjectFormatError
from uruk.errors import OutOfRange as OutOfRange
from uruk.errors import PassError as PassError
from uruk.errors import SessionClosed as SessionClosed
from uruk.errors import TLSError as TLSError
from uruk.errors import UndefinedSymbols as UndefinedSymbols
from uruk.errors import UnsupportedRelocation as UnsupportedRelocation
from uruk.errors import UrukError as UrukError

if TYPE_CHECKING:
    from uruk.lljit import LLJIT as LLJIT
    from uruk.lljit import Symbol as Symbol
    from uruk.orc.session import Options as Options
    from uruk.orc.tracker import Released as Released
    from uruk.orc.tracker import ResourceTracker as ResourceTracker

_LATER = {
    "LLJIT": "uruk.lljit",
    "Options": "uruk.orc.session",
    "Released": "uruk.orc.tracker",
    "ResourceTracker": "uruk.orc.tracker",
    "Symbol": "uruk.lljit",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'uruk' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
