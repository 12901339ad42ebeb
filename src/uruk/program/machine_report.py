"""A report of what this machine allows: each fact is found by trying it, and each lack comes with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from uruk.compile.cache import cache_from_environment
from uruk.compile.compilers import cross_compiler, find_compiler
from uruk.compile.identity import identify
from uruk.compile.llvm import llvm_version
from uruk.errors import InternalError, MissingRuntime, UrukError
from uruk.lljit import LLJIT
from uruk.machines import EXECUTOR_TARGETS
from uruk.program.systems import facts_of_this_system
from uruk.runtime_files import executor_program, runtime_archive
from uruk.spawning import emulator, launcher_of, spawn
from uruk.target import HERE, executor_target


@dataclass(frozen=True)
class Finding:
    """A fact about this machine: a short title, a text, and what to do, which is empty where nothing lacks.

    `needed`: without it uruk cannot link and run anything here.
    """

    title: str
    text: str
    remedy: str = ""
    needed: bool = False


def findings() -> Iterator[Finding]:
    """Try what this machine allows, one thing after the other; nothing that is tried leaves anything behind."""
    yield _in_process()
    yield _child()
    for title, text, remedy in facts_of_this_system():
        yield Finding(title, text, remedy)
    for target in EXECUTOR_TARGETS:
        if target != str(HERE):
            yield _other_target(target)
    for language in ("c", "c++"):
        yield _compiler(language)
    yield _llvm()
    yield _cache()


def _runs(jit: LLJIT) -> None:
    """Link a function of the runtime's archive anew, and call it. Raises UrukError."""
    probe = jit.create_dylib("probe")
    jit.add_archive(runtime_archive(str(HERE)), dylib=probe)
    if jit.lookup("uruk_rt_string_size", probe).function("uint64_t(const char *)")(b"uruk") != 4:
        raise InternalError("linked code gives wrong results")


def _in_process() -> Finding:
    title = "code in this process"
    try:
        with LLJIT() as jit:
            _runs(jit)
            return Finding(title, f"runs ({jit.executor.process.triple})")
    except UrukError as error:
        return Finding(title, str(error), "see the error; code may still run in a child", needed=True)


def _child() -> Finding:
    title = "code in a child"
    try:
        with spawn() as child, LLJIT(executor=child) as jit:
            _runs(jit)
            refused = child.shared_memory_refused
    except UrukError as error:
        return Finding(title, str(error), "see the error; code may still run in this process", needed=True)
    if refused:
        remedy = "raise the limit, or free the place, that the reason names; until then links are slower"
        return Finding(title, f"runs, but by messages: {refused}", remedy)
    return Finding(title, "runs, in executable memory that both processes share")


def _other_target(target: str) -> Finding:
    title = f"programs for {target}"
    architecture = executor_target(target).architecture
    try:
        executor_program(target)
        launcher = launcher_of(target, {})[0]
    except MissingRuntime as error:
        known = ", ".join(error.targets) or "no target"
        remedy = "`URUK_TARGETS=all pip install .` in uruk's source tree, or install a release wheel"
        return Finding(title, f"do not run here: this uruk was built for {known} alone", remedy)
    except UrukError as error:
        package = "wine" if target.endswith("windows") else "qemu-user"
        return Finding(title, f"do not run here: {error}", f"install what the error names (Debian: {package})")
    if architecture != HERE.architecture and not emulator(target):
        return Finding(title, f"do not run here: qemu-{architecture} is not found", "Debian: install qemu-user")
    compiler = cross_compiler(target)
    sources = f"sources are compiled by {compiler}" if compiler else "no compiler makes objects for it"
    return Finding(title, f"run by {' '.join(launcher)}; {sources}")


def _compiler(language: str) -> Finding:
    title = f"compiler for {'C++' if language == 'c++' else 'C'}"
    try:
        compiler = identify(find_compiler(language))
    except UrukError as error:
        return Finding(title, str(error), "install gcc or clang, or `pip install ziglang`; objects need no compiler")
    return Finding(title, f"{compiler.shown} ({compiler.kind or 'of another kind'})")


def _llvm() -> Finding:
    try:
        binding, version = llvm_version()
    except UrukError as error:
        return Finding("LLVM IR", str(error).removeprefix("LLVM: LLVM: "), "`pip install 'uruk[ir]'`")
    return Finding("LLVM IR", f"llvmlite {binding}, with LLVM {'.'.join(map(str, version))}")


def _cache() -> Finding:
    title = "cache of compiled sources"
    try:
        cache = cache_from_environment()
    except UrukError as error:
        return Finding(title, str(error), "set the variable that the error names anew")
    if cache is None:
        return Finding(title, "is switched off", "unset URUK_CACHE, and set URUK_CACHE_DIR or HOME")
    return Finding(title, str(cache.folder))
