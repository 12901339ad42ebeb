"""The calls of llvmlite, whose functions differ between 0.43 and 0.50."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from uruk.compile.ir_replaceable import INTERPOSABLE, in_sections, interposable
from uruk.errors import CompileError, InvalidType

_lock = threading.RLock()  # reentrant: a destructor may compile in the middle
_LINKONCE = {"linkonce_any": "weak", "linkonce_odr": "weak_odr"}


@dataclass(frozen=True)
class CodeOptions:
    """The way to generate code; None is this machine's. `keep` names the symbols that must be there afterwards.

    `replaceable`: as C is compiled whose code may be replaced; see `uruk.compile.ir_replaceable`.
    """

    level: int
    cpu: str | None
    features: str | None
    keep: tuple[str, ...]
    replaceable: bool = False


@lru_cache(maxsize=1)
def _initialised() -> Any:
    """Return `llvmlite.binding`, ready for this machine's code. Its types are not known to checkers, hence Any."""
    llvm: Any = import_module("llvmlite.binding")
    with _lock:
        with contextlib.suppress(RuntimeError):  # from 0.45 on it is done already, and refused
            llvm.initialize()
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        llvm.initialize_native_asmparser()
    return llvm


def binding(name: str) -> Any:
    """Return `llvmlite.binding`. Raises CompileError, for the module `name`, when llvmlite is not installed."""
    try:
        return _initialised()
    except ImportError as error:
        problem = f"LLVM IR needs llvmlite ({error}): pip install 'uruk[ir]'"
        raise CompileError(name, "LLVM", problem) from error


def llvm_version() -> tuple[str, tuple[int, ...]]:
    """Return the versions of llvmlite and of its LLVM."""
    llvm = binding("LLVM")
    return str(import_module("llvmlite").__version__), tuple(llvm.llvm_version_info)


def bitcode_of(source: Any, name: str) -> tuple[bytes, str]:
    """Return bitcode and canonical text of a module in any form. Raises CompileError, InvalidType for none."""
    llvm = binding(name)
    try:
        if isinstance(source, bytes):
            module = llvm.parse_bitcode(source)
        elif isinstance(source, llvm.ModuleRef):
            module = source
        elif isinstance(source, str) or type(source).__module__.startswith("llvmlite."):  # a module's text is its code
            from uruk.compile.ir_text import check_text  # by numpy, which errors without llvmlite do without

            text = str(source)
            check_text(text, name)
            module = llvm.parse_assembly(text)
        else:
            raise InvalidType(f"{source!r:.80} is no LLVM IR: give text, bitcode, a module of llvmlite's, or a Path")
        module.verify()
        return bytes(module.as_bitcode()), str(module)
    except (RuntimeError, ValueError) as error:
        raise CompileError(name, "LLVM", "is not a valid module", None, str(error)) from error


def generate(bitcode: bytes, name: str, options: CodeOptions) -> bytes:
    """Return the object of a module. Raises CompileError; LLVM itself ends the process for some faults."""
    llvm = binding(name)
    try:
        module = llvm.parse_bitcode(bitcode)
        machine = _machine(llvm, module, options)
        _keep(module, options.keep)
        if options.replaceable:
            module = _interposable(llvm, module)
        if options.level:
            _optimise(llvm, module, machine, options.level)
        if options.replaceable:
            module = llvm.parse_assembly(in_sections(str(module), "$" if "windows" in module.triple else "."))
        return bytes(machine.emit_object(module))
    except (RuntimeError, ValueError) as error:
        raise CompileError(name, "LLVM", "no code for this module", None, str(error)) from error


def _machine(llvm: Any, module: Any, options: CodeOptions) -> Any:
    if module.triple in ("", "unknown-unknown-unknown"):  # what llvmlite.ir writes unasked
        module.triple = llvm.get_process_triple()
    target = llvm.Target.from_triple(module.triple)
    features = options.features
    if features is None:
        features = "" if options.cpu else llvm.get_host_cpu_features().flatten()
    return target.create_target_machine(
        cpu=options.cpu or llvm.get_host_cpu_name(),
        features=features,
        opt=options.level,
        reloc="pic",
        codemodel="small",
    )


def _keep(module: Any, names: tuple[str, ...]) -> None:
    """Make definitions ones that the optimiser may not drop when they are unused: they were announced."""
    wanted = set(names)
    for value in (*module.functions, *module.global_variables):
        linkage = _LINKONCE.get(value.linkage.name)
        if linkage and not value.is_declaration and value.name.removeprefix("\x01") in wanted:
            value.linkage = linkage


def _interposable(llvm: Any, module: Any) -> Any:
    """Return a module whose functions have no copies in their callers."""
    module = llvm.parse_assembly(interposable(str(module)))
    module.link_in(llvm.parse_assembly(INTERPOSABLE))
    return module


def _optimise(llvm: Any, module: Any, machine: Any, level: int) -> None:
    if hasattr(llvm, "create_pass_builder"):
        tuning = llvm.create_pipeline_tuning_options(speed_level=level)
        builder = llvm.create_pass_builder(machine, tuning)
        builder.getModulePassManager().run(module, builder)
        return
    builder = llvm.PassManagerBuilder()
    builder.opt_level = level
    manager = llvm.ModulePassManager()
    machine.add_analysis_passes(manager)
    builder.populate(manager)
    manager.run(module)
