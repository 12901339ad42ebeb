"""uruk: a JIT linker. Relocatable object code in, callable symbols out.

with uruk.LLJIT() as jit:
    jit.add_object("add.o")
    add = jit.lookup("add").function("int(int, int)")
"""

from __future__ import annotations

from uruk.errors import AllocationError as AllocationError
from uruk.errors import DuplicateDefinition as DuplicateDefinition
from uruk.errors import InternalError as InternalError
from uruk.errors import InUse as InUse
from uruk.errors import LibraryError as LibraryError
from uruk.errors import LibraryNotFound as LibraryNotFound
from uruk.errors import LinkError as LinkError
from uruk.errors import ObjectFormatError as ObjectFormatError
from uruk.errors import OutOfRange as OutOfRange
from uruk.errors import SessionClosed as SessionClosed
from uruk.errors import TLSError as TLSError
from uruk.errors import UndefinedSymbols as UndefinedSymbols
from uruk.errors import UnsupportedRelocation as UnsupportedRelocation
from uruk.errors import UrukError as UrukError
from uruk.lljit import LLJIT as LLJIT
from uruk.lljit import Symbol as Symbol
from uruk.orc.tracker import Released as Released
from uruk.orc.tracker import ResourceTracker as ResourceTracker
