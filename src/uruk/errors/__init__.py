"""Every error that uruk raises.

    UrukError
      InvalidValue             an argument whose value makes no sense; a ValueError, too
      InvalidType              an argument of the wrong type; a TypeError, too
      ObjectFormatError        malformed bytes
        InputNotFound          a file that is not there; a FileNotFoundError, too
      LinkError                objects are well-formed, but do not link
        UndefinedSymbols       names that nothing defines
        DuplicateDefinition    two strong definitions of one name
        OutOfRange             a value does not fit its field
        UnsupportedRelocation  a relocation type, or its use, that uruk does not know
        TLSError               thread-local storage that cannot be had
        AliasCycle             aliases of each other
        PassError              a plug-in of the link that raised something else
      MaterializationError     a materialization unit or a generator that failed
        WrongDefinitions       a unit that delivered other symbols than it had announced
      MaterializationCycle     a unit or generator that needs what only it can make
      LookupTimeout            a lookup that took longer than it was given; a TimeoutError, too
      LibraryNotFound          -l NAME, or a path, that is not there; a FileNotFoundError, too
      LibraryError             the dynamic loader refused a library
      AllocationError          memory that cannot be reserved or protected
      InUse                    removing code that other code refers to
      RemovedCode              a use of code that was removed all the same
      ReleasedCallback         a call of a callback that was released
      StaticsDiffer            a replacement whose variables are not those of the code that it replaces
      NotReplaced              a function that other code has copies of, and cannot be replaced alone
      FunctionGone             a call of a function that a replacement does not define any more
      SessionClosed            use after close()
      ExecutorError            what the process that runs the code could not do
        InvalidAddress         memory that cannot be read or written; a ValueError, too
        CppException           a C++ exception that left a function
        ExecutorTimeout        a call that took longer than it was given; a TimeoutError, too
        ExecutorLost           the process is gone, or its connection is
          ExecutorCrashed      it was ended by a signal
          ProtocolError        it sent what is not a message
      MissingRuntime           a target whose runtime this installation lacks
        StaleRuntime           its runtime was built for another version of uruk's Python code
      UnknownTarget            a target that uruk has nothing for; a ValueError, too
      CompilerNotFound         no compiler for a source; a FileNotFoundError, too
      CompileError             a compiler refused a source, or was stopped
      InternalError            a bug in uruk: please report it

Each class carries its facts as attributes; the text is made from them.
"""

from __future__ import annotations

from uruk.errors.base import AllocationError as AllocationError
from uruk.errors.base import InternalError as InternalError
from uruk.errors.base import InvalidType as InvalidType
from uruk.errors.base import InvalidValue as InvalidValue
from uruk.errors.base import MissingRuntime as MissingRuntime
from uruk.errors.base import StaleRuntime as StaleRuntime
from uruk.errors.base import UnknownTarget as UnknownTarget
from uruk.errors.base import UrukError as UrukError
from uruk.errors.base import some_of as some_of
from uruk.errors.executors import CppException as CppException
from uruk.errors.executors import ExecutorCrashed as ExecutorCrashed
from uruk.errors.executors import ExecutorError as ExecutorError
from uruk.errors.executors import ExecutorLost as ExecutorLost
from uruk.errors.executors import ExecutorTimeout as ExecutorTimeout
from uruk.errors.executors import InvalidAddress as InvalidAddress
from uruk.errors.executors import ProtocolError as ProtocolError
from uruk.errors.inputs import CompileError as CompileError
from uruk.errors.inputs import CompilerNotFound as CompilerNotFound
from uruk.errors.inputs import CompilerWarning as CompilerWarning
from uruk.errors.inputs import InputNotFound as InputNotFound
from uruk.errors.inputs import LibraryError as LibraryError
from uruk.errors.inputs import LibraryNotFound as LibraryNotFound
from uruk.errors.inputs import ObjectFormatError as ObjectFormatError
from uruk.errors.linking import AliasCycle as AliasCycle
from uruk.errors.linking import DuplicateDefinition as DuplicateDefinition
from uruk.errors.linking import LinkError as LinkError
from uruk.errors.linking import OutOfRange as OutOfRange
from uruk.errors.linking import PassError as PassError
from uruk.errors.linking import TLSError as TLSError
from uruk.errors.linking import Undefined as Undefined
from uruk.errors.linking import UndefinedSymbols as UndefinedSymbols
from uruk.errors.linking import UnsupportedRelocation as UnsupportedRelocation
from uruk.errors.sessions import FunctionGone as FunctionGone
from uruk.errors.sessions import InUse as InUse
from uruk.errors.sessions import LookupTimeout as LookupTimeout
from uruk.errors.sessions import MaterializationCycle as MaterializationCycle
from uruk.errors.sessions import MaterializationError as MaterializationError
from uruk.errors.sessions import NotReplaced as NotReplaced
from uruk.errors.sessions import ReleasedCallback as ReleasedCallback
from uruk.errors.sessions import RemovedCode as RemovedCode
from uruk.errors.sessions import SessionClosed as SessionClosed
from uruk.errors.sessions import StaticsDiffer as StaticsDiffer
from uruk.errors.sessions import WrongDefinitions as WrongDefinitions

for _value in list(globals().values()):
    if isinstance(_value, type):
        _value.__module__ = __name__  # tracebacks and pickles name a class by where its users import it from
