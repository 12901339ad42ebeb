"""Programs of the run corpus: the directive language, and the cases that come out of it.

A program is one source file in `programs/`, or a folder there with one file called `main.*`. Its leading
comment lines hold directives, `//#key: value` (`!#key:` in Fortran, `##key:` in assembly). Every program is
compiled by real compilers, linked by the system linker and run; `uruk run` of the same objects must give the
same stdout, stderr and exit status, byte for byte.

All directives are optional. A key may be repeated: words add up, for single values the last one counts.

    sources: A B          sources in link order (default: the file itself; in a folder `main.*` first, then
                          the rest sorted, without those that `shared` or `archive` use)
    compilers: gcc clang  compiler families to build with (default gcc); the suffix of a source picks C or
                          C++. Fortran, Rust and Zig sources always go to gfortran, rustc (static library)
                          and zig
    flags: -O0 | -O2      alternatives, one case each; `@models`, `@pic`, `@opt`, `@tls` are sets
                          (`FLAG_SETS`)
    flags[clang]: ...     the same for one family, instead of `flags`
    cflags: -Wall         flags for every source of every case
    cflags[b.c]: -fPIC    flags for one source
    link: -lm a.o         inputs after the objects, for both linkers
    link[clang]: -lomp    the same for one family, added in the order written
    link-command: CMD     the output of CMD, split into words, added likewise
    native: -rdynamic     words for the system linker only
    uruk: --phony         words for `uruk run` only, before the objects
    generate: gen.py      script of the folder, run in the build folder before compiling; it writes sources
    step: ld -r -o ...    command run in the build folder after compiling; repeated, in order
    objects: a.o x.a      files to link, in order (default: all compiled objects); with `step`, its output
    archive: lx.a: x.c    archive of these sources; linked where `link` or `objects` names it, else after the
                          objects
    shared: libx.so: x.c  shared library of these sources, found with -L and -l at the end of the link line
    args: a "b c"         arguments of the program, in shell quoting
    stdin: text\\n        standard input, with Python escapes (default: empty)
    env: K=V              environment added for both runs
    exit: 3               exit status that the native program must have (default 0)
    signal: SIGTERM       the native program must die by this signal
    error: TEXT           `uruk run` must refuse, with TEXT in stderr and nothing on stdout; the native
                          program must still work
    places: child wire    where `uruk run` can do as natively: in a child, over the wire, here (default: all of them)
    arch: x86_64          architectures that it makes sense on (default: all; AArch64's programs run under qemu)
    requires: strip       tools without which the case cannot run, besides the compilers
    timeout: 60           seconds for each run

Words in braces: `{dir}` the program's folder, `{build}` the build folder, `{cc}` and `{cxx}` the compilers of
the case, `{rustc}` rustc for its architecture, `{flags}` the flags of the case, `{python}` this interpreter,
`{lib}` and `{include}` where Debian's libraries and headers of the architecture are.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = Path(__file__).parent / "programs"

ARCHITECTURES = ("x86_64", "aarch64")
FLAG_SETS: dict[str, list[str]] = {
    "@models": ["-fPIE", "-fPIC", "-fno-pie", "-mcmodel=medium", "-mcmodel=large", "-fPIC -mcmodel=large"],
    "@pic": ["-fPIE", "-fPIC", "-fno-pie"],
    "@opt": ["-O0", "-O2"],
    "@tls": [
        "-O0",
        "-O2 -fPIC",
        "-O2 -fno-pie",
        "-O1 -fPIC -ftls-model=global-dynamic",
        "-O1 -fPIC -ftls-model=local-dynamic",
        "-O1 -ftls-model=initial-exec",
        "-O1 -ftls-model=local-exec",
        "-O1 -mcmodel=large",
        "-O1 -fPIC -mcmodel=large",
        "-O1 -fPIC -mtls-dialect=gnu2",
    ],
}

AARCH64_FLAG_SETS: dict[str, list[str]] = {
    "@models": ["-fPIE", "-fPIC", "-fno-pie", "-mcmodel=tiny", "-fPIC -mcmodel=tiny", "-fno-pie -mcmodel=large"],
    "@tls": [
        "-O0",
        "-O2 -fPIC",
        "-O2 -fno-pie",
        "-O1 -fPIC -ftls-model=local-dynamic",
        "-O1 -ftls-model=initial-exec",
        "-O1 -ftls-model=local-exec",
        "-O1 -fPIC -mcmodel=tiny",
        "-O1 -ftls-model=local-exec -fno-pie -mcmodel=large",
        "-O1 -fPIC -mtls-dialect=trad",
        "-O1 -fPIC -ftls-model=local-dynamic -mtls-dialect=trad",
    ],
}
"""Those sets that are others there."""
_FOREIGN_FLAG = re.compile(
    r"-m(?!cmodel=(?:tiny|small|large)|tls-dialect=trad|outline|no-outline|branch).*|-fcf-.*"
    r"|-Wa,-m.*|-fbasic-block-sections.*|-fopenmp=libomp"
)
"""Flags that mean something on x86-64 only."""
_NOT_NATIVE = {
    ("arithmetic", "clang", ""): "libgcc has no __muloti4, which clang calls",
    ("ifunc", "clang", "-mcmodel=large"): "GNU ld cannot take the address of an IFUNC by wide moves",
    ("tls", "clang", "-mcmodel=large"): "clang knows thread-locals in this model by local-exec only",
    ("tls_extern", "clang", "-mcmodel=large"): "the same",
}
"""Programs that the native tools cannot make for AArch64, by family and flag, and why."""

SOURCE_SUFFIXES = (".c", ".cpp", ".s", ".S", ".f90", ".rs", ".zig")
_DIRECTIVE = re.compile(r"^(?://|!|#)#([a-z-]+)(?:\[([^\]]+)\])?:[ \t]*(.*?)[ \t]*$")
_KEYS = frozenset(
    {"sources", "compilers", "flags", "cflags", "link", "link-command", "native", "uruk", "generate", "step"}
    | {"objects", "archive", "shared", "args", "stdin", "env", "exit", "signal", "error", "requires"}
    | {"timeout", "arch", "places"}
)


@dataclass(frozen=True)
class Program:
    """One program of the corpus: its folder, first source and directives in the order written."""

    name: str
    folder: Path
    first: str
    directives: tuple[tuple[str, str, str], ...] = field(repr=False)

    def values(self, key: str, scope: str = "") -> list[str]:
        """Return every value given to `key` under exactly this scope (`""`: none)."""
        return [value for k, s, value in self.directives if k == key and s == scope]

    def words(self, key: str, scope: str = "") -> list[str]:
        """Return the values of `key` split as a shell would."""
        return [word for value in self.values(key, scope) for word in shlex.split(value)]

    def last(self, key: str, default: str) -> str:
        """Return the last value of `key`."""
        return (self.values(key) or [default])[-1]

    def libraries(self, key: str) -> list[tuple[str, list[str]]]:
        """Return (file name, sources) of each `archive` or `shared` directive."""
        pairs = (value.partition(":") for value in self.values(key))
        return [(name.strip(), shlex.split(rest)) for name, _, rest in pairs]

    def sources(self) -> list[str]:
        """Return the sources of the program itself, in link order."""
        given = self.words("sources")
        if given or self.folder == PROGRAMS:
            return given or [self.first]
        used = {s for key in ("archive", "shared") for _, sources in self.libraries(key) for s in sources}
        rest = sorted(p.name for p in self.folder.iterdir() if p.suffix in SOURCE_SUFFIXES)
        return [self.first, *(name for name in rest if name != self.first and name not in used)]


@dataclass(frozen=True)
class Case:
    """A program with one compiler family and one set of flags."""

    program: Program
    family: str
    flags: tuple[str, ...]
    arch: str = ARCHITECTURES[0]

    @property
    def id(self) -> str:
        """Name for pytest and for the build folder."""
        flags = (flag.lstrip("-").replace("/", "_") for flag in self.flags)
        names = [self.program.name, self.family, *flags]
        return "-".join(names if self.arch == ARCHITECTURES[0] else [self.arch, *names])


def load_program(path: Path) -> Program:
    """Read the directives of a file, or of the `main.*` of a folder. Raises ValueError for an unknown key."""
    first = path
    if path.is_dir():
        first = next(p for p in sorted(path.glob("main.*")) if p.suffix in SOURCE_SUFFIXES)
    directives: list[tuple[str, str, str]] = []
    for line in first.read_text("utf-8").splitlines():
        match = _DIRECTIVE.match(line)
        if match is None:
            if line and not line.startswith(("//", "!", "#")):
                break
            continue
        if match[1] not in _KEYS:
            raise ValueError(f"{first}: unknown directive {match[1]!r}")
        directives.append((match[1], match[2] or "", match[3]))
    return Program(path.stem, first.parent, first.name, tuple(directives))


def load_programs() -> list[Program]:
    """Read the whole corpus, sorted by name."""
    paths = (p for p in PROGRAMS.iterdir() if p.is_dir() or p.suffix in SOURCE_SUFFIXES)
    return [load_program(path) for path in sorted(paths)]


def expand(program: Program) -> Iterator[Case]:
    """Yield the cases of a program: families by flag alternatives."""
    for family in program.words("compilers") or ["gcc"]:
        values = program.values("flags", family) or program.values("flags") or [""]
        for value in values:
            for alternative in value.split("|"):
                for flags in FLAG_SETS.get(alternative.strip(), [alternative]):
                    yield Case(program, family, tuple(shlex.split(flags)))


def expand_aarch64(program: Program) -> Iterator[Case]:
    """Yield the cases of a program for AArch64: of gcc and clang, with flags that there are."""
    languages = {Path(source).suffix for source in program.sources()}
    if "aarch64" not in (program.words("arch") or ARCHITECTURES) or not languages <= {".c", ".cpp", ".rs"}:
        return
    seen: set[tuple[str, tuple[str, ...]]] = set()
    for family in program.words("compilers") or ["gcc"]:
        values = program.values("flags", family) or program.values("flags") or [""]
        for alternative in (one.strip() for value in values for one in value.split("|")):
            for text in AARCH64_FLAG_SETS.get(alternative, FLAG_SETS.get(alternative, [alternative])):
                flags = tuple(shlex.split(text))
                foreign = any(map(_FOREIGN_FLAG.fullmatch, flags))
                foreign |= family == "clang" and "-mtls-dialect=trad" in flags
                if "-mcmodel=large" in flags:  # there is none for position-independent code
                    foreign |= "-fPIC" in flags
                    flags += () if "-fno-pie" in flags else ("-fno-pie",)
                foreign |= any((program.name, family, flag) in _NOT_NATIVE for flag in ("", *flags))
                if not foreign and (family, flags) not in seen:
                    seen.add((family, flags))
                    yield Case(program, family, flags, "aarch64")


def all_cases(arch: str = ARCHITECTURES[0]) -> list[Case]:
    """Return every case of the corpus for an architecture; ids are unique."""
    cases = expand if arch == ARCHITECTURES[0] else expand_aarch64
    return [case for program in load_programs() for case in cases(program)]
