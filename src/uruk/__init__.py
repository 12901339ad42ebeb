"""uruk: a JIT linker. Relocatable object code in, callable symbols out.

with uruk.LLJIT() as jit:
    jit.add_object("add.o")
    add = jit.lookup("add").function("int(int, int)")

Importing uruk loads the errors only; numpy and the linker come with the first use of `LLJIT`.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if sys.platform != "linux":
    raise ImportError(f'uruk runs on Linux, not on {sys.platform}: see its README, "Platforms"')

from uruk.errors import AliasCycle as AliasCycle
from uruk.errors import AllocationError as AllocationError
from uruk.errors import CompileError as CompileError
from uruk.errors import CompilerNotFound as CompilerNotFound
from uruk.errors import CompilerWarning as CompilerWarning
from uruk.errors import CppException as CppException
from uruk.errors import DuplicateDefinition as DuplicateDefinition
from uruk.errors import ExecutorCrashed as ExecutorCrashed
from uruk.errors import ExecutorError as ExecutorError
from uruk.errors import ExecutorLost as ExecutorLost
from uruk.errors import ExecutorTimeout as ExecutorTimeout
from uruk.errors import FunctionGone as FunctionGone
from uruk.errors import InputNotFound as InputNotFound
from uruk.errors import InternalError as InternalError
from uruk.errors import InUse as InUse
from uruk.errors import InvalidAddress as InvalidAddress
from uruk.errors import InvalidType as InvalidType
from uruk.errors import InvalidValue as InvalidValue
from uruk.errors import LibraryError as LibraryError
from uruk.errors import LibraryNotFound as LibraryNotFound
from uruk.errors import LinkError as LinkError
from uruk.errors import LookupTimeout as LookupTimeout
from uruk.errors import MaterializationCycle as MaterializationCycle
from uruk.errors import MaterializationError as MaterializationError
from uruk.errors import MissingRuntime as MissingRuntime
from uruk.errors import NotReplaced as NotReplaced
from uruk.errors import ObjectFormatError as ObjectFormatError
from uruk.errors import OutOfRange as OutOfRange
from uruk.errors import PassError as PassError
from uruk.errors import ProtocolError as ProtocolError
from uruk.errors import ReleasedCallback as ReleasedCallback
from uruk.errors import RemovedCode as RemovedCode
from uruk.errors import SessionClosed as SessionClosed
from uruk.errors import StaleRuntime as StaleRuntime
from uruk.errors import StaticsDiffer as StaticsDiffer
from uruk.errors import TLSError as TLSError
from uruk.errors import UndefinedSymbols as UndefinedSymbols
from uruk.errors import UnknownTarget as UnknownTarget
from uruk.errors import UnsupportedRelocation as UnsupportedRelocation
from uruk.errors import UrukError as UrukError
from uruk.errors import WrongDefinitions as WrongDefinitions

if TYPE_CHECKING:
    from uruk.importer import install_importer as install_importer
    from uruk.lljit import LLJIT as LLJIT
    from uruk.loaded import Loaded as Loaded
    from uruk.loaded import load as load
    from uruk.memory.fixed import FixedMemory as FixedMemory
    from uruk.orc.dispatch import InlineDispatcher as InlineDispatcher
    from uruk.orc.dispatch import ThreadPoolDispatcher as ThreadPoolDispatcher
    from uruk.orc.dylib import JITDylib as JITDylib
    from uruk.orc.generators import DefinitionGenerator as DefinitionGenerator
    from uruk.orc.generators import DirectoryGenerator as DirectoryGenerator
    from uruk.orc.generators import FunctionGenerator as FunctionGenerator
    from uruk.orc.generators import ProcessSymbols as ProcessSymbols
    from uruk.orc.registry.options import Options as Options
    from uruk.orc.registry.search import LookupKind as LookupKind
    from uruk.orc.registry.symbol_flags import SymbolFlags as SymbolFlags
    from uruk.orc.registry.tracker import Released as Released
    from uruk.orc.registry.tracker import ResourceTracker as ResourceTracker
    from uruk.orc.session import Session as Session
    from uruk.orc.units import FunctionUnit as FunctionUnit
    from uruk.orc.units import MaterializationResponsibility as MaterializationResponsibility
    from uruk.orc.units import MaterializationUnit as MaterializationUnit
    from uruk.program.options import Library as Library
    from uruk.program.options import LinkOptions as LinkOptions
    from uruk.program.program import Ended as Ended
    from uruk.program.program import Program as Program
    from uruk.spawning import connect as connect
    from uruk.spawning import spawn as spawn
    from uruk.symbol import Symbol as Symbol

__version__ = "0.1.0"

__all__ = [
    "LLJIT",
    "AliasCycle",
    "AllocationError",
    "CompileError",
    "CompilerNotFound",
    "CompilerWarning",
    "CppException",
    "DefinitionGenerator",
    "DirectoryGenerator",
    "DuplicateDefinition",
    "Ended",
    "ExecutorCrashed",
    "ExecutorError",
    "ExecutorLost",
    "ExecutorTimeout",
    "FixedMemory",
    "FunctionGenerator",
    "FunctionGone",
    "FunctionUnit",
    "InUse",
    "InlineDispatcher",
    "InputNotFound",
    "InternalError",
    "InvalidAddress",
    "InvalidType",
    "InvalidValue",
    "JITDylib",
    "Library",
    "LibraryError",
    "LibraryNotFound",
    "LinkError",
    "LinkOptions",
    "Loaded",
    "LookupKind",
    "LookupTimeout",
    "MaterializationCycle",
    "MaterializationError",
    "MaterializationResponsibility",
    "MaterializationUnit",
    "MissingRuntime",
    "NotReplaced",
    "ObjectFormatError",
    "Options",
    "OutOfRange",
    "PassError",
    "ProcessSymbols",
    "Program",
    "ProtocolError",
    "Released",
    "ReleasedCallback",
    "RemovedCode",
    "ResourceTracker",
    "Session",
    "SessionClosed",
    "StaleRuntime",
    "StaticsDiffer",
    "Symbol",
    "SymbolFlags",
    "TLSError",
    "ThreadPoolDispatcher",
    "UndefinedSymbols",
    "UnknownTarget",
    "UnsupportedRelocation",
    "UrukError",
    "WrongDefinitions",
    "__version__",
    "connect",
    "install_importer",
    "load",
    "spawn",
]

_LATER = {
    "DefinitionGenerator": "uruk.orc.generators",
    "DirectoryGenerator": "uruk.orc.generators",
    "Ended": "uruk.program.program",
    "FixedMemory": "uruk.memory.fixed",
    "FunctionGenerator": "uruk.orc.generators",
    "FunctionUnit": "uruk.orc.units",
    "InlineDispatcher": "uruk.orc.dispatch",
    "JITDylib": "uruk.orc.dylib",
    "LLJIT": "uruk.lljit",
    "Library": "uruk.program.options",
    "LinkOptions": "uruk.program.options",
    "Loaded": "uruk.loaded",
    "LookupKind": "uruk.orc.registry.search",
    "MaterializationResponsibility": "uruk.orc.units",
    "MaterializationUnit": "uruk.orc.units",
    "Options": "uruk.orc.registry.options",
    "ProcessSymbols": "uruk.orc.generators",
    "Program": "uruk.program.program",
    "Released": "uruk.orc.registry.tracker",
    "ResourceTracker": "uruk.orc.registry.tracker",
    "Session": "uruk.orc.session",
    "Symbol": "uruk.symbol",
    "connect": "uruk.spawning",
    "install_importer": "uruk.importer",
    "load": "uruk.loaded",
    "spawn": "uruk.spawning",
    "SymbolFlags": "uruk.orc.registry.symbol_flags",
    "ThreadPoolDispatcher": "uruk.orc.dispatch",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'uruk' has no attribute {name!r}")
    collecting = gc.isenabled()
    gc.disable()  # importing numpy and the linker makes no garbage, and searching for it takes 1/30 of that time
    try:
        # CPython keeps frames in chunks of 16 KiB and maps one for each call at a chunk's edge: from deep inside the
        # linker's own imports, numpy's needed 400 pairs of mmap and munmap.
        import_module("numpy")
        value = globals()[name] = getattr(import_module(_LATER[name]), name)
    finally:
        if collecting:
            if not gc.get_freeze_count():  # else freezing and back would undo what the program has frozen
                # What was imported stays: it moves to the oldest generation, and the next collections of the young
                # ones do not look through all of it, twice.
                gc.freeze()
                gc.unfreeze()
            gc.enable()
    return value


def load_ipython_extension(shell: Any) -> None:
    """Add `%%c` and `%%cpp` to an IPython shell, which calls this for `%load_ext uruk`."""
    import_module("uruk.notebook.magics").load(shell)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
