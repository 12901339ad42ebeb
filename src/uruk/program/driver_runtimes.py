"""The libraries that compilers' drivers add to a link by themselves: those of languages, and runtimes of flags.

Sources: gcc's and clang's manuals, "Link Options" and "Instrumentation Options". A sanitizer's runtime must be loaded
before everything else: it is preloaded into the process where the program runs.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from uruk.compile.compilers import cross_compiler, find_compiler
from uruk.compile.identity import identify
from uruk.errors import InvalidValue
from uruk.program.compilation import PROFILES
from uruk.program.link_plan import Input, LinkPlan
from uruk.program.settings import Settings
from uruk.target import HERE

_LANGUAGES = (
    ("++", ("stdc++", "m")),
    ("gfortran", ("gfortran", "m")),
    ("gdc", ("gphobos", "gdruntime")),
    ("gccgo", ("gobegin", "go", "m", "gcc")),  # the first has main(); the last, split stacks
)
"""By what a driver's name contains, the libraries that it adds; LIBRARY `stdc++` is another one by ``-stdlib=``."""
_PRELOADED = {
    "address": ("libasan.so", "libclang_rt.asan-{}.so"),
    "thread": ("libtsan.so", "libclang_rt.tsan-{}.so"),
    "leak": ("liblsan.so", ""),
}
"""Sanitizers whose runtime comes before all else, that of gcc and of clang."""
_UNDEFINED_BEHAVIOUR = ("libubsan.so", "libclang_rt.ubsan_standalone-{}.so")
"""The runtime of the many other checks."""
_WITHOUT_LIBRARY = (
    "memory",
    "dataflow",
    "fuzzer",
    "fuzzer-no-link",
    "hwaddress",
    "kernel-address",
    "safe-stack",
    "cfi",
)
_TIMEOUT = 60


def add_language_libraries(plan: LinkPlan, driver: str) -> None:
    """Add the libraries that a compiler's driver, by its command, links with everything."""
    name = os.path.basename(driver)
    if not plan.default_libraries or name.startswith("zig "):  # zig builds its own C++ library, with the sources
        return
    for part, libraries in _LANGUAGES:
        if part in name:
            for library in libraries:
                plan.inputs.append(plan.language_library(library))
    if "gccgo" in name and HERE.architecture == "x86_64" and "aarch64" not in name:
        plan.wrapped.append("pthread_create")  # threads of C code get the stacks of Go's, where gcc can split them


def has_runtime(flag: str) -> bool:
    """Return True for a flag of compilers that brings a library of theirs when they link."""
    return flag.startswith("-fsanitize=") or flag.partition("=")[0] in _ACTIONS


def add_runtimes(settings: Settings, compiler: str) -> None:
    """Add the runtimes of the plan's flags to its inputs; `compiler` is the command whose they are, or empty.

    Raises InvalidValue for a flag that cannot be honoured, CompilerNotFound, CompileError.
    """
    identity = identify(find_compiler("c", compiler or cross_compiler(settings.target)))
    if identity.kind == "zig":
        return  # it has runtimes of its own, which are built with the sources
    architecture = settings.target.partition("-")[0] or HERE.architecture
    driver = _Driver(identity.words, identity.kind == "clang", architecture)
    for flag in dict.fromkeys(settings.plan.runtimes):
        _add(settings, driver, flag)


@dataclass(frozen=True)
class _Driver:
    """A driver that knows where its runtimes are."""

    words: Sequence[str]
    is_clang: bool
    architecture: str

    def file(self, gcc: str, clang: str) -> Input:
        """Return the file of a runtime, by its name for either. Raises InvalidValue if the compiler has none."""
        name = (clang if self.is_clang else gcc).format(self.architecture)
        if not name:
            raise InvalidValue(
                f"{self.words[0]} has only a static runtime for -fsanitize=leak, which cannot come first: "
                "-fsanitize=address finds leaks as well, and so does gcc's"
            )
        command = [*self.words, f"-print-file-name={name}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
        path = done.stdout.strip()
        if not os.path.isabs(path):
            raise InvalidValue(f"{self.words[0]} has no {name}: is its package installed?")
        return Input("input", path)


def _add(settings: Settings, driver: _Driver, flag: str) -> None:
    if flag.startswith("-fsanitize="):
        _sanitize(settings, driver, flag)
        return
    name = flag.partition("=")[0]
    if action := _ACTIONS.get(name):
        action(settings.plan, driver)


def _sanitize(settings: Settings, driver: _Driver, flag: str) -> None:
    plan = settings.plan
    for name in flag.partition("=")[2].split(","):
        if name in _WITHOUT_LIBRARY:
            raise InvalidValue(f"{flag} cannot be honoured: its runtime is not a shared library, and must come first")
        runtime = driver.file(*_PRELOADED.get(name, _UNDEFINED_BEHAVIOUR))
        if runtime in plan.inputs:
            continue
        # Before all libraries of the line, whose needs (libc) have names of it, too; drivers put it there as well.
        plan.inputs.insert(0 if name in _PRELOADED else len(plan.inputs), runtime)
        in_child = (
            not (settings.in_process or settings.returns or settings.connect)
            and driver.architecture == HERE.architecture
        )
        if in_child:  # AddressSanitizer's ends the process unless it is the very first
            plan.preloaded.insert(0 if name in _PRELOADED else len(plan.preloaded), runtime.value)
        elif name in _PRELOADED:
            raise InvalidValue(
                f"{flag} cannot be honoured: its runtime must be loaded first, in a child on this machine"
            )


def _openmp(plan: LinkPlan, driver: _Driver) -> None:
    gnu = not driver.is_clang or "-fopenmp=libgomp" in plan.runtimes
    plan.inputs.append(Input("library", "gomp") if gnu else driver.file("libgomp.so", "libomp.so"))


def _transactions(plan: LinkPlan, driver: _Driver) -> None:
    plan.inputs.append(driver.file("libitm.so", "libitm.so"))


def _coverage(plan: LinkPlan, driver: _Driver) -> None:
    runtime = driver.file("libgcov.a", "libclang_rt.profile-{}.a")
    if runtime not in plan.inputs:
        plan.inputs.append(runtime)
    if driver.is_clang:
        plan.undefined.append("__llvm_profile_runtime")


def _calls(plan: LinkPlan, driver: _Driver) -> None:
    plan.counts_calls = True


def _patched_calls(plan: LinkPlan, driver: _Driver) -> None:
    raise InvalidValue(
        "-fxray-instrument cannot be honoured: its runtime rewrites code that runs; without it programs run untraced"
    )


def _split_stack(plan: LinkPlan, driver: _Driver) -> None:
    plan.wrapped.append("pthread_create")
    plan.inputs.append(driver.file("libgcc.a", "libgcc.a"))


_ACTIONS: dict[str, Callable[[LinkPlan, _Driver], None]] = {
    "-fopenmp": _openmp,
    "-fopenacc": _openmp,
    "-ftree-parallelize-loops": _openmp,
    "-fgnu-tm": _transactions,
    "-pg": _calls,
    "-p": _calls,
    "-fsplit-stack": _split_stack,
    "-fxray-instrument": _patched_calls,
    **dict.fromkeys(("--coverage", "-coverage", *PROFILES), _coverage),
}
