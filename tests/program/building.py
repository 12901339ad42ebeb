"""Build one case of the run corpus with the system's tools, and run a program with its output captured."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from driver import Case

from build_support import arm64_root
from uruk.program.linux.tunables import SAVED, VARIABLE

ROOT = Path(__file__).parents[2]
COMPILERS = {
    ("x86_64", "gcc"): ("gcc", "g++"),
    ("x86_64", "clang"): ("clang-19", "clang++-19"),
    ("aarch64", "gcc"): ("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++"),
    ("aarch64", "clang"): ("clang-19 --target=aarch64-linux-gnu", "clang++-19 --target=aarch64-linux-gnu"),
}
TOOLS = ("ar", "ld", "objcopy", "strip", "nm", "ranlib", "gdc")
EMULATOR = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"]
DEBIANS_RUSTC = "/usr/bin/rustc"  # of the version that the standard library for AArch64 has
BUILD_TIMEOUT = 300


class BuildError(Exception):
    """A tool of the system refused: the command and what it printed. Not a fault of uruk."""


@dataclass(frozen=True)
class Outcome:
    """What a finished process leaves behind. `status` is negative for death by a signal."""

    stdout: bytes
    stderr: bytes
    status: int


@dataclass(frozen=True)
class Built:
    """A built case: its folder, the native program, and the words of the link line for `uruk run`."""

    folder: Path
    program: Path
    inputs: list[str]


def tool(*commands: Sequence[str], cwd: Path) -> str:
    """Run build commands one after the other and return the last one's output. Raises BuildError."""
    text = ""
    for command in commands:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=BUILD_TIMEOUT)
        if done.returncode:
            raise BuildError(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")
        text = done.stdout
    return text


def tools_needed(case: Case) -> list[str]:
    """Return the commands that a case needs on PATH."""
    needed = [*case.program.words("requires"), "ld"]
    suffixes = {Path(s).suffix for s in case.program.sources()}
    needed += [COMPILERS[case.arch, case.family][".cpp" in suffixes].split()[0]]
    needed += ["gfortran"] if ".f90" in suffixes else []
    needed += [rustc(case)[0]] if ".rs" in suffixes else []
    needed += [shlex.split(c)[0] for c in case.program.values("link-command")]
    if case.arch == "aarch64":
        needed = [*(f"aarch64-linux-gnu-{name}" if name in TOOLS else name for name in needed), EMULATOR[0]]
    return [name for name in dict.fromkeys(needed) if not name.startswith("{")]


def rustc(case: Case) -> list[str]:
    """Return the words that start rustc for a case's architecture."""
    if case.arch != "aarch64":
        return ["rustc"]
    target = ["--target", "aarch64-unknown-linux-gnu", "-C", f"linker={COMPILERS[case.arch, 'gcc'][0]}"]
    return [DEBIANS_RUSTC, *target, "--sysroot", str(arm64_root.folder() / "usr")]


def needs_arm64_root(case: Case) -> bool:
    """Whether a case is made with packages of Debian's arm64."""
    words = [word for _, _, value in case.program.directives for word in shlex.split(value)]
    named = any(name in word for word in words for name in ("{lib}", "{include}", "{rustc}"))
    return case.arch == "aarch64" and (named or any(source.endswith(".rs") for source in case.program.sources()))


class Builder:
    """Builds one case in its own folder; a finished build is reused, also by a later session."""

    def __init__(self, case: Case, root: Path) -> None:
        self.case = case
        self.program = case.program
        self.sources = self.program.sources()
        self.folder = root / f"{case.id[:80]}-{self._digest()}"
        self.cc, self.cxx = COMPILERS[case.arch, case.family]

    def _digest(self) -> str:
        """Hash what decides the build: flags, and every file of the program that is not generated."""
        folder, first = self.program.folder, self.program.folder / self.program.first
        files = [first, *(path for source in self.sources if (path := folder / source).is_file() and path != first)]
        if first.name.startswith("main."):
            files = sorted(p for p in folder.iterdir() if p.is_file())
        state = hashlib.sha256(repr((self.case.arch, self.case.family, self.case.flags)).encode())
        for path in [*files, Path(__file__)]:
            state.update(path.read_bytes())
        return state.hexdigest()[:12]

    def expand(self, word: str) -> list[str]:
        """Replace the words in braces of a command word; `{flags}` becomes several."""
        if word == "{flags}":
            return list(self.case.flags)
        if word in ("{cc}", "{cxx}"):
            return (self.cc if word == "{cc}" else self.cxx).split()
        if word == "{rustc}":
            return rustc(self.case)
        names = {"dir": self.program.folder, "build": self.folder, "cc": self.cc, "cxx": self.cxx}
        prefix = str(arm64_root.folder()) if self.case.arch == "aarch64" else ""
        names |= {"lib": f"{prefix}/usr/lib/{self.case.arch}-linux-gnu", "include": f"{prefix}/usr/include"}
        names["python"] = sys.executable
        for name, value in names.items():
            word = word.replace("{" + name + "}", str(value))
        return [word]

    def words(self, key: str, scope: str = "") -> list[str]:
        """Return the words of a directive with braces replaced."""
        return [w for word in self.program.words(key, scope) for w in self.expand(word)]

    def own_tool(self, name: str) -> str:
        """Return the architecture's own tool of this name, where it has one."""
        return f"aarch64-linux-gnu-{name}" if self.case.arch == "aarch64" and name in TOOLS else name

    def compile(self, source: str, *extra: str) -> str:
        """Compile one source in the build folder and return the object's name."""
        path = self.folder / source if (self.folder / source).exists() else self.program.folder / source
        suffix = path.suffix
        flags = [*self.words("cflags"), *self.words("cflags", source)]
        output = f"lib{path.stem}.a" if suffix == ".rs" else f"{path.stem}.o"
        if suffix == ".rs":
            command = [*rustc(self.case), "--crate-type=staticlib", "--edition=2021", *flags]
        elif suffix == ".zig":
            zig = [sys.executable, "-m", "ziglang", "build-obj", f"-femit-bin={output}"]
            tool([*zig, *flags, str(path)], cwd=self.folder)
            return output
        elif suffix == ".f90":
            command = ["gfortran", "-c", *self.case.flags, *flags]
        else:
            command = [*(self.cxx if suffix == ".cpp" else self.cc).split(), "-c", *self.case.flags, *flags]
            if needs_arm64_root(self.case):
                include = arm64_root.folder() / "usr" / "include"
                command += ["-idirafter", str(include), "-idirafter", str(include / arm64_root.TRIPLE)]
        tool([*command, *extra, "-o", output, str(path)], cwd=self.folder)
        return output

    def _libraries(self) -> tuple[list[str], list[str]]:
        """Build archives and shared libraries; return the archives, and words that find the shared."""
        archives: list[str] = []
        for name, sources in self.program.libraries("archive"):
            objects = [self.compile(source) for source in sources]
            tool([self.own_tool("ar"), "rcs", name, *objects], cwd=self.folder)
            archives.append(name)
        shared: list[str] = []
        for name, sources in self.program.libraries("shared"):
            objects = [self.compile(source, "-fPIC") for source in sources]
            driver = self.cxx if any(s.endswith(".cpp") for s in sources) else self.cc
            tool([*driver.split(), "-shared", "-o", name, *objects], cwd=self.folder)
            shared += ["-l", name.removeprefix("lib").removesuffix(".so")]
        return archives, ["-L", str(self.folder), *shared] if shared else []

    def _link_words(self) -> list[str]:
        """Return the words of `link` and the output of each `link-command`, in the order written."""
        words: list[str] = []
        for key, scope, value in self.program.directives:
            argv = [word for part in shlex.split(value) for word in self.expand(part)]
            if key == "link" and scope in ("", self.case.family):
                words += argv
            elif key == "link-command":
                words += tool(argv, cwd=self.folder).split()
        return words

    def _runtime(self) -> list[str]:
        """Return the language libraries that a compiler driver adds and that `uruk run` must be told."""
        suffixes = {Path(s).suffix for s in self.sources}
        words = ["-l", "stdc++"] if ".cpp" in suffixes else []
        return words + (["-l", "gfortran"] if ".f90" in suffixes else [])

    def _native_command(self, inputs: list[str]) -> list[str]:
        """Return the command of the system linker's front end."""
        suffixes = {Path(s).suffix for s in self.sources}
        front = "gfortran" if ".f90" in suffixes else self.cxx if ".cpp" in suffixes else self.cc
        model = ["-no-pie"] if "-fno-pie" in self.case.flags else []
        return [*front.split(), *model, "-o", "program", *inputs, "-Wl,-rpath,$ORIGIN", *self.words("native")]

    def build(self) -> Built:
        """Compile and link natively. Raises BuildError."""
        done = self.folder / "inputs.txt"
        if done.exists():
            return Built(self.folder, self.folder / "program", done.read_text("utf-8").splitlines())
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for script in self.program.words("generate"):
            tool([sys.executable, str(self.program.folder / script)], cwd=self.folder)
        objects = [self.compile(source) for source in self.sources]
        archives, shared = self._libraries()
        for step in self.program.values("step"):
            first, *rest = [w for word in shlex.split(step) for w in self.expand(word)]
            tool([self.own_tool(first), *rest], cwd=self.folder)
        named = self.words("objects") or objects
        link = self._link_words()
        inputs = [*named, *(a for a in archives if a not in named and a not in link), *link, *shared]
        tool(self._native_command(inputs), cwd=self.folder)
        if not any(word.endswith("/libstdc++.a") for word in inputs):
            inputs += self._runtime()
        done.write_text("\n".join(inputs), "utf-8")
        return Built(self.folder, self.folder / "program", inputs)


def environment(case: Case) -> dict[str, str]:
    """Return the environment of both runs: little, fixed, and what the program asks for."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    added = dict(word.split("=", 1) for word in case.program.words("env"))
    return {**kept, "PYTHONPATH": str(ROOT / "src"), **added}


def execute(command: list[str], case: Case, folder: Path) -> Outcome:
    """Run a program of the case with its arguments' environment and standard input."""
    text = "".join(case.program.values("stdin"))
    data = text.encode("latin-1").decode("unicode_escape").encode("latin-1")
    timeout = float(case.program.last("timeout", "60"))
    done = subprocess.run(command, cwd=folder, input=data, capture_output=True, env=environment(case), timeout=timeout)
    return Outcome(done.stdout, done.stderr, done.returncode)


def run_native(case: Case, built: Built) -> Outcome:
    """Run the natively linked program."""
    emulator = EMULATOR if case.arch == "aarch64" else []
    return execute([*emulator, str(built.program), *case.program.words("args")], case, built.folder)


PLACES = {"child": ["--oop"], "wire": ["--oop", "--no-shared-memory"], "here": ["--in-process"]}
"""Where programs run: in a child with shared memory, in one that is written by messages, in uruk's own process."""


def uruk_command(case: Case, built: Built, place: str = "child") -> list[str]:
    """Return the `uruk run` command for the same objects; `URUK_RUN_ARGS` adds options to all of them.

    In uruk's own process, AArch64's code needs a Python for AArch64, which gets its static thread-local storage at the
    start: under an emulator it cannot start itself again.
    """
    python = [sys.executable]
    if case.arch == "aarch64" and place == "here":
        emulator, *python = arm64_root.python_command(arm64_root.folder(), ROOT / "src")
        python = [emulator, "-E", f"{SAVED}=", "-E", f"{VARIABLE}=glibc.rtld.optional_static_tls=24576", *python]
    extra = [*PLACES[place], *shlex.split(os.environ.get("URUK_RUN_ARGS", "")), *case.program.words("uruk")]
    args = case.program.words("args")
    return [*python, "-m", "uruk", "run", *extra, *built.inputs, *(["--", *args] if args else [])]


def run_uruk(case: Case, built: Built, place: str = "child") -> Outcome:
    """Run the same objects under `uruk run`."""
    return execute(uruk_command(case, built, place), case, built.folder)


def without_crash(outcome: Outcome) -> Outcome:
    """An outcome without the message of a crash, which a program that dies of a fault in a child must have."""
    *lines, last, end = outcome.stderr.split(b"\n")
    assert last.startswith(b"uruk: ExecutorCrashed: "), outcome
    assert end == b"", outcome
    return Outcome(outcome.stdout, b"".join(line + b"\n" for line in lines), outcome.status)


def expected_status(case: Case) -> int:
    """Return the status that the native program must have, as `Outcome.status` counts it."""
    name = case.program.last("signal", "")
    return -int(signal.Signals[name]) if name else int(case.program.last("exit", "0"))
