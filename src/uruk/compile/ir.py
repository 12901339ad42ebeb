"""LLVM IR to objects, by llvmlite (the extra `ir`): first what a module defines, then its code.

module = IRModule(text)
module.symbols                 # nothing is generated yet
jit.add_object(module.compile(), module.name)
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from uruk.compile.cache import ObjectCache, cache_from_environment
from uruk.compile.cache_key import host_cpu
from uruk.compile.compile_source import Compiled
from uruk.compile.identity import Compiler
from uruk.compile.ir_child import compile_in_child, machine_problem
from uruk.compile.ir_symbols import IRSymbol, has_assembly, has_initialisers, symbols_of
from uruk.compile.languages import LLVM_IR, is_ir
from uruk.compile.llvm import CodeOptions, bitcode_of, generate, llvm_version
from uruk.errors import CompileError, InputNotFound, InvalidType, InvalidValue, ObjectFormatError
from uruk.regular_files import read_regular

if TYPE_CHECKING:
    from llvmlite.binding import ModuleRef
    from llvmlite.ir import Module

_FORMAT = "uruk ir 1"
_LEVELS = {"0": 0, "": 1, "1": 1, "g": 1, "2": 2, "s": 2, "z": 2, "3": 3, "4": 3, "fast": 3}
"""The levels of optimisation, by what follows -O in flags of compilers."""
_FEATURE = re.compile(r"[+-][\w.-]+")
_BITCODE = (b"BC\xc0\xde", b"\xde\xc0\x17\x0b")
"""The first bytes of bitcode, and of bitcode in a wrapper."""


def compile_ir(path: str, flags: Sequence[str] = (), cache: ObjectCache | bool = True) -> Compiled:
    """Compile a file of LLVM IR, text or bitcode; of a compiler's flags only the level of optimisation counts.

    Raises CompileError.
    """
    level = next((_LEVELS[flag[2:]] for flag in reversed(flags) if flag[:2] == "-O" and flag[2:] in _LEVELS), 2)
    data = IRModule(Path(path)).compile(level=level, cache=cache)
    return Compiled(data, path, LLVM_IR, "", Compiler(("llvmlite",), "llvm", ""), tuple(flags), False)


def _content(path: os.PathLike[str], name: str) -> str | bytes:
    """Return what is in a file: bitcode, or text. Raises InputNotFound, CompileError."""
    try:
        data = read_regular(path)
    except InputNotFound:
        raise
    except ObjectFormatError as error:
        raise CompileError(name, "LLVM", error.problem) from error
    return data if data.startswith(_BITCODE) else data.decode("utf-8", "surrogateescape")


def check_options(level: object, cpu: object, features: object) -> None:
    """Raise InvalidType or InvalidValue for options of generating code that LLVM does not take.

    It would print that it ignores them, or end its process.
    """
    if isinstance(level, bool) or not isinstance(level, int):
        raise InvalidType(f"level is 0, 1, 2 or 3, as for opt -O, and {level!r} is none of them")
    if not 0 <= level <= 3:
        raise InvalidValue(f"level is 0, 1, 2 or 3, as for opt -O, and not {level}")
    for value, what in ((cpu, "cpu is LLVM's name of a processor"), (features, "features are LLVM's names")):
        if value is not None and not isinstance(value, str):
            raise InvalidType(f"{what}, a text or None, and {value!r} is neither")
    named = features if isinstance(features, str) else ""
    if odd := [part for part in named.split(",") if named and not _FEATURE.fullmatch(part)]:
        raise InvalidValue(f"features are names with + or - before each, as '+avx2,-avx512f', and not {odd[0]!r}")
    if cpu or named:
        problem = machine_problem(str(cpu or ""), named)
        if problem:
            raise InvalidValue(f"cpu={cpu!r}, features={features!r}: LLVM says {problem}; `llc -mcpu=help' lists them")


@dataclass(frozen=True)
class IRFacts:
    """The facts known of a module before its code is generated."""

    symbols: dict[str, IRSymbol]
    has_initialisers: bool
    has_assembly: bool


def is_module(source: object) -> bool:
    """Return True for bitcode, and for modules of llvmlite's."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(cast("bytes", source[:4])) in _BITCODE
    return type(source).__module__.startswith("llvmlite.")


class IRModule:
    """A module: text, bitcode, one of llvmlite's, or the path of a file. Later changes to llvmlite's do not reach it.

    `name` stands for it in errors. Raises CompileError with LLVM's text when it is not a valid module, or when llvmlite
    is not installed. Bitcode is parsed by LLVM in this process, which is not proof against malicious bytes.
    """

    def __init__(
        self, source: str | bytes | bytearray | memoryview | os.PathLike[str] | ModuleRef | Module, name: str = ""
    ) -> None:
        if isinstance(source, bytearray | memoryview):
            source = bytes(source)
        if isinstance(source, str) and is_ir(source) and "\n" not in source:
            raise InvalidType(f"a str is a text of LLVM IR, and {source!r} the name of a file: give Path({source!r})")
        if isinstance(source, os.PathLike):
            name = name or os.fspath(source)
            source = _content(source, name)
        self.name = name or str(getattr(source, "name", "") or "<IR>")
        self.bitcode, self._text = bitcode_of(source, self.name)

    @cached_property
    def _facts(self) -> IRFacts:
        text = self._text
        return IRFacts(symbols_of(text), has_initialisers(text), has_assembly(text))

    @property
    def symbols(self) -> dict[str, IRSymbol]:
        """The symbols that the object will define for others, by name. Those of ``module asm`` are not known."""
        return self._facts.symbols

    @property
    def has_initialisers(self) -> bool:
        """True if it has constructors or destructors (``llvm.global_ctors``, ``llvm.global_dtors``)."""
        return self._facts.has_initialisers

    @property
    def has_assembly(self) -> bool:
        """True if it has assembly of its own, which may define symbols that LLVM does not know."""
        return self._facts.has_assembly

    def compile(
        self,
        *,
        level: int = 2,
        cpu: str | None = None,
        features: str | None = None,
        isolate: bool | None = None,
        timeout: float | None = None,
        cache: ObjectCache | bool = True,
        replaceable: bool = False,
    ) -> bytes:
        """Generate the object: position independent, small code model, for this machine's processor.

        `level` 0 to 3 is that of ``opt -O`` and of code generation; `cpu` and `features` (``"+avx2,-avx512f"``) are
        LLVM's names. LLVM ends its process for some faults (wrong inline assembly, code it cannot select): `isolate`
        generates in a child, of which `timeout` seconds are awaited; None does so for modules with assembly.
        `replaceable`: for code that is replaced while it runs: a section for each function and variable, and no copies
        of functions in their callers, but for hidden ones. Raises CompileError, InvalidType and InvalidValue; a
        processor or feature that is named first is tried in a child.
        """
        check_options(level, cpu, features)
        options = CodeOptions(level, cpu, features, tuple(self.symbols), replaceable)
        chosen = cache_from_environment() if cache is True else cache or None
        key = self._key(options) if chosen else ""
        if chosen and (stored := chosen.load(key)) is not None:
            return stored[0]
        apart = isolate or timeout is not None or (isolate is None and self._facts.has_assembly)
        if apart:
            data = compile_in_child(self.bitcode, self.name, options, timeout)
        else:
            data = generate(self.bitcode, self.name, options)
        if chosen and not (self._facts.has_assembly and "inc" in self._text):  # .incbin, .include
            chosen.store(key, data)
        return data

    def _key(self, options: CodeOptions) -> str:
        facts: list[Any] = [_FORMAT, llvm_version(), options, host_cpu()]
        return hashlib.sha256(repr(facts).encode() + b"\0" + self.bitcode).hexdigest()
