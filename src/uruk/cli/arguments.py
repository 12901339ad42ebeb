"""The command line of ``uruk run``, read by hand: -l, -L and inputs mean something by their order, and a command-line
library costs more start-up time than linking a small program does."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from uruk.cli.response_files import expand
from uruk.cli.usage import UsageError, unknown_option
from uruk.compile.languages import is_source
from uruk.errors import UnknownTarget
from uruk.program.settings import Settings
from uruk.program.targets import target_of
from uruk.records import field, record
from uruk.target import HERE, executor_target

if TYPE_CHECKING:
    from uruk.cli.link_line import LinkLine
    from uruk.program.compilation import HowToCompile
    from uruk.program.linked_program import LinkedProgram

USAGE = """\
usage: uruk run [options] INPUT... [-- ARGUMENT...]

Link relocatable objects, archives and libraries into a child process, and run main(). uruk's exit status is the
program's. A line that links with a compiler, or with ld, can stand behind `uruk run' as it is, its first word included.
Sources are compiled first, by the compiler of CC or CXX, or what there is: cc, gcc, clang, zig.

  INPUT               an object (.o), an archive (.a), a shared library (.so) or a source (.c .cpp .cc .cxx .C .s .S,
                      or LLVM IR: .ll .bc, by the extra `ir`)
  -l NAME             a library, found as ld does: in -L directories, system directories, the loader's cache
  -L DIR              where -l looks first
  --in-process        run in this process instead of a child
  --oop               run in a child process, uruk's executor (the default)
  --target TARGET     x86_64-linux, aarch64-linux or x86_64-windows (default: that of the first object)
  --launcher CMD      a command before the executor: an emulator, "ssh host" (default for another
                      architecture: qemu-ARCH -L /usr/ARCH-linux-gnu, if that is there)
  --executor PATH     another executor program; any that speaks LLVM's protocol
  --shared-memory, --no-shared-memory
                      code goes to the child by memory that both map (the default), or by messages
  --connect HOST:PORT run in an executor that listens there; see `uruk executor --help'
  --tls-pool=SIZE     static thread-local storage of the child (default: what the program
                      needs, up to 1Mb)
  --crt NAME          the C runtime of a program of Windows, msvcrt or ucrt (default: the one
                      that its objects are compiled for)
  --entry NAME        the function to run (default: main)
  --watch             replace the code of sources that are edited while main() runs
  --no-exec           link only; with --entry, only the objects that NAME needs
  --phony-externals   names that nothing defines become 0
  --gc-sections       drop sections that the entry does not reach
  --define NAME=ADDR  an absolute symbol
  --slab-allocate=SIZE  address space reserved for code (suffix Kb, Mb, Gb)
  --oop-executor[=PATH], --oop-executor-connect=HOST:PORT, --use-shared-memory
                      llvm-jitlink's names of --executor, --connect and --shared-memory; with one dash, too
  --cflag FLAG        a flag for the compiler that is not among those below
  --compiler CMD      the compiler of all sources: a name, a path, or a command ("zig cc", "ccache gcc")
  --no-cache          compile again what was compiled before
  --perf-support      record the program's functions for `perf inject --jit'; see the guide on profiling
  --time              print how long each pass took, on standard error
  --dump-graph POINT[=FILE]  write the graph there: at `post-prune', `after layout', ...; a FILE that ends in
                      .json is JSON, without one it goes to standard error

As on a compiler's command line:
  @FILE               the words in FILE
  -O2 -g -std=... -I DIR -D NAME -f... -m... -W... and others
                      flags for the compiler of the sources
  -o NAME             the program's argv[0], whose folder $ORIGIN is; nothing is written
  -rdynamic           libraries that the program opens see its names
  -static, -static-libstdc++, -nodefaultlibs, -nostartfiles, -e NAME, -u NAME
  -fopenmp, -fsanitize=..., --coverage, -fprofile-generate, -pg, -fsplit-stack
                      with their runtimes; a sanitizer's is loaded before all else
  -Wl,OPTION, -Xlinker OPTION
                      the linker's: -rpath, --as-needed, --whole-archive, -Bstatic, --wrap, --defsym, ... are
                      done; what describes a file is ignored; -T, -r and what else cannot be done is an error
"""

_DRIVERS = frozenset("cc c89 c99 c++ gcc g++ clang clang++ gfortran gdc gccgo".split())
_LINKERS = frozenset("ld ld.bfd ld.gold ld.lld ld.mold gold mold collect2".split())
_VARIABLE_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_MAKES_LINES = {
    "rustc": "`rustc --print link-args'",
    "crystal": "`crystal build --verbose'",
    "ghc": "`ghc -v'",
    "gnatlink": "`gnatlink -v -v'",
    "gnatmake": "`gnatmake -largs -v -v'",
    "ldc2": "`ldc2 -v'",
    "ocamlopt": "`ocamlopt -verbose'",
    "swiftc": "`swiftc -v'",
}
"""Compilers that call a driver, and what prints that line."""
_BEFORE_DRIVERS = frozenset(("ccache", "sccache", "distcc", "icecc"))
_ZIG_DRIVERS = frozenset(("cc", "c++"))


@record
class Arguments(Settings):
    """The command line: what it says of the program, of compiling its sources, and of what is printed."""

    time: bool = False
    watch: bool = False
    """Sources that are edited are replaced while the program runs."""
    perf: bool = False
    """The program's functions are recorded for the profiler `perf`."""
    driver: str = ""
    """The compiler's driver with which the line begins, if it does."""
    linker: bool = False
    """The line begins with a linker."""
    compiler: str = ""
    flags: list[str] = field(default_factory=list[str])
    cache: bool = True
    dumps: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Points of the link and files for its graph there; an empty file is standard error."""

    def add_passes(self, program: LinkedProgram) -> None:
        """Have the link of a program write its graph and its functions where the line says. Raises UrukError."""
        if self.perf and self.execute:
            program.jit.record_for_perf()
        if self.dumps:
            from uruk.cli.dump_graph import register

            register(program.jit.session.hooks, self.dumps)

    def how_to_compile(self) -> HowToCompile | None:
        """Return what is said of compiling; None if nothing, which saves an import."""
        foreign = self.target not in ("", f"{HERE.architecture}-linux")
        if not (self.compiler or self.flags or foreign or not self.cache):
            return None
        from uruk.program.compilation import HowToCompile

        instruments = any(flag.startswith(("-fprofile", "-ftest-", "--cov", "-cov")) for flag in self.flags)
        return HowToCompile(self.compiler, tuple(self.flags), self.cache, self.target, self.plan.output, instruments)


_VALUES = (
    "--entry",
    "--define",
    "--slab-allocate",
    "--compiler",
    "--cflag",
    "--dump-graph",
    "--target",
    "--launcher",
    "--executor",
    "--connect",
    "--tls-pool",
    "--crt",
)
_FLAGS = (
    "--in-process",
    "--oop",
    "--shared-memory",
    "--no-shared-memory",
    "--no-exec",
    "--watch",
    "--phony-externals",
    "--gc-sections",
    "--time",
    "--perf-support",
    "--no-cache",
)

_OF_LLVM = {
    "oop-executor": "--executor",
    "oop-executor-connect": "--connect",
    "use-shared-memory": "--shared-memory",
    "slab-allocate": "--slab-allocate",
}
"""The names that options have in LLVM's llvm-jitlink, where one dash does as well as two."""


def _own_spelling(word: str) -> str:
    """Return the option of this command that one of llvm-jitlink's is; any other word as it is."""
    if not word.startswith("-"):
        return word
    name, equals, value = word.partition("=")
    own = _OF_LLVM.get(name[2:] if name.startswith("--") else name[1:])
    if own is None:
        return word
    # Without a program of its own, another process is uruk's executor.
    return "--oop" if own == "--executor" and not value else own + equals + value


def parse(words: Sequence[str]) -> Arguments:
    """Read the command line. Raises UsageError."""
    arguments = Arguments()
    line: LinkLine | None = None
    rest = expand(words)
    for word in rest:
        word = word if arguments.linker else _own_spelling(word)
        if word == "--":
            arguments.program = list(rest)
        elif arguments.linker:
            line = line or _line_of_linker(arguments)
            line.read_for_linker(word)
        elif not word.startswith("-") or word == "-":
            _input(arguments, word)
        elif word in _FLAGS:
            _flag(arguments, word)
        elif not _own_option(arguments, word, rest):
            if line is None:
                from uruk.cli.link_line import LinkLine  # its tables take time to make

                line = LinkLine(arguments.plan, arguments.flags)
            if not line.read(word, rest):
                raise unknown_option(word, (*_FLAGS, *_VALUES))
    if line is not None:
        line.finish()
    _check(arguments)
    return arguments


def _line_of_linker(arguments: Arguments) -> LinkLine:
    """Return the reader of a line that begins with a linker, which adds nothing by itself."""
    from uruk.cli.link_line import LinkLine

    arguments.plan.starts_itself, arguments.plan.default_libraries = True, False
    return LinkLine(arguments.plan, arguments.flags)


def _input(arguments: Arguments, word: str) -> None:
    """Add an input; a compiler before the first one is the driver whose line this is (``gcc``, ``ccache gcc``).

    So is a linker, and variables before either are its environment's. Raises UsageError for a compiler whose lines
    cannot be read.
    """
    first = not (arguments.plan.inputs or arguments.driver)
    if not arguments.plan.inputs and _belongs_to_driver(arguments.driver, word):
        arguments.driver = f"{arguments.driver} {shlex.quote(word)}" if arguments.driver else word
    elif first and _is_program(word, lambda name: _is_tool(name, _LINKERS)):
        arguments.linker = True
    elif first and _is_program(word, _MAKES_LINES.get):
        prints = _MAKES_LINES[os.path.basename(word)]
        raise UsageError(f"{word} compiles by itself: give the line that {prints} prints")
    elif not (first and _sets_variable(word) and not os.path.exists(word)) and not _is_start_file(word):
        arguments.plan.add("input", word)


def _is_start_file(word: str) -> bool:
    """See `uruk.libraries.start_files.surrounds_objects`."""
    if "crt" not in word:
        return False
    from uruk.libraries.start_files import surrounds_objects  # few lines name one

    return surrounds_objects(word)


def _is_program(word: str, knows: Callable[[str], object]) -> bool:
    """Return True for a word that is a program known by its name; a file in the current folder is an input."""
    name = os.path.basename(word)
    return bool(knows(name)) and not (name == word and os.path.exists(word))


def _is_tool(name: str, tools: Collection[str]) -> bool:
    """Return True for the name of a tool, which may have a target before it and a version behind: ``x-gcc-12``."""
    # Without regular expressions: to compile these takes as long as importing a dozen modules.
    *target, tool = name.split("-")
    if target and tool[:1].isdecimal() and tool.replace(".", "").isdecimal():
        *target, tool = target
    return tool in tools and all(part and f"_{part.replace('.', '_')}".isidentifier() for part in target)


def _sets_variable(word: str) -> bool:
    """Return True for ``NAME=VALUE``."""
    name, equals, _ = word.partition("=")
    return bool(equals and name) and _VARIABLE_LETTERS.issuperset(name)


def _belongs_to_driver(before: str, word: str) -> bool:
    """Tell whether a word is a compiler's driver, or goes on with the command `before`: ``ccache gcc``, ``zig cc``.

    A file in the current folder is an input, whatever its name is.
    """
    name, last = os.path.basename(word), _last(before)
    if name == word and last != "zig" and os.path.exists(word):
        return False
    if last == "zig":
        return word in _ZIG_DRIVERS
    if before and last not in _BEFORE_DRIVERS:
        return False
    return name == "zig" or name in _BEFORE_DRIVERS or _is_tool(name, _DRIVERS)


def _last(command: str) -> str:
    """Return the last word of a driver's command, without its folder."""
    return os.path.basename(command.rpartition(" ")[2])


def _check(arguments: Arguments) -> None:
    plan = arguments.plan
    if _last(arguments.driver) == "zig":
        raise UsageError("only `zig cc' or `zig c++' begins a line that links")
    if not plan.inputs:
        raise UsageError("no input")
    arguments.target = arguments.target or target_of(plan.inputs)
    if arguments.in_process and (arguments.launcher or arguments.executor or arguments.connect):
        raise UsageError("--in-process has no executor to start or to connect to")
    if arguments.in_process and arguments.target not in ("", str(HERE)):
        raise UsageError(
            f"the program is for {arguments.target}, and this process is {HERE}: leave --in-process out, "
            "and it runs in an executor"
        )
    arguments.compiler = arguments.compiler or arguments.driver
    if not any(item.kind == "input" and is_source(item.value) for item in plan.inputs):
        arguments.flags.clear()  # a link line has the compiler's flags, too


def _own_option(arguments: Arguments, word: str, rest: Iterator[str]) -> bool:
    """Take an option of this command's own and its value: behind ``=``, or the next word; False if it is none."""
    name, equals, value = word.partition("=")
    if name not in _VALUES:
        return False
    text = value if equals else next(rest, None)
    if text is None:
        raise UsageError(f"{word} wants a value")
    _option(arguments, name, text)
    return True


def _flag(arguments: Arguments, word: str) -> None:
    arguments.execute &= word != "--no-exec"
    arguments.plan.phony |= word == "--phony-externals"
    arguments.plan.prune |= word == "--gc-sections"
    arguments.time |= word == "--time"
    arguments.watch |= word == "--watch"
    arguments.perf |= word == "--perf-support"
    arguments.cache &= word != "--no-cache"
    if word in ("--in-process", "--oop"):
        arguments.in_process, arguments.oop = word == "--in-process", word == "--oop"
    if word.endswith("shared-memory"):
        arguments.shared_memory = word == "--shared-memory"


def _option(arguments: Arguments, option: str, value: str) -> None:
    if option == "--cflag":
        arguments.flags.append(value)
    elif option == "--compiler":
        arguments.compiler = value
    elif option == "--target":
        arguments.target = _target(value)
    elif option == "--launcher":
        arguments.launcher += shlex.split(value)
    elif option == "--executor":
        arguments.executor = value
    elif option == "--connect":
        arguments.connect = host_and_port(value)
    elif option == "--tls-pool":
        arguments.tls_pool = _size(option, value)
    elif option == "--crt":
        arguments.plan.crt = value
    elif option == "--entry":
        arguments.plan.entry = value
    elif option == "--define":
        name, equals, address = value.partition("=")
        if not name or not equals:
            raise UsageError(f"--define wants NAME=ADDRESS, not `{value}'")
        arguments.plan.defines.append((name, _number(address)))
    elif option == "--dump-graph":
        point, _, file = value.partition("=")
        arguments.dumps.append((_point(point), file))
    else:
        arguments.slab = _size(option, value)


def _target(text: str) -> str:
    """Return a target, which may have the other parts of a compiler's triple (``aarch64-linux-gnu``).

    Raises UsageError.
    """
    try:
        return str(executor_target(text))
    except UnknownTarget as error:
        raise UsageError(str(error)) from error


def _point(name: str) -> str:
    """Return a point of the link. Raises UsageError that lists them."""
    from uruk.errors import UrukError
    from uruk.passes.steps import check_point

    try:
        return check_point(name)
    except UrukError as error:
        raise UsageError(str(error)) from None


def host_and_port(text: str) -> tuple[str, int]:
    """Return the host and the port of HOST:PORT. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"`{text}' is not HOST:PORT")
    return host, int(port)


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise UsageError(f"`{text}' is not a number") from None


def _size(option: str, text: str) -> int:
    """Return bytes of a size with a suffix; Kb if it has none. Raises UsageError."""
    digits, unit = text, 1 << 10
    for suffix, bytes_each in (("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)):
        if text.lower().endswith(suffix):
            digits, unit = text[:-2], bytes_each
    try:
        size = int(digits, 0) * unit
    except ValueError:
        raise UsageError(f"{option} wants a size, such as 64Mb, not `{text}'") from None
    if size <= 0:
        raise UsageError(f"{option}={text} holds nothing")
    return size
