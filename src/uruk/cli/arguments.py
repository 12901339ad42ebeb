"""The command line of ``uruk run``, read by hand: -l, -L and inputs mean something by their order, and a command-line
library costs more start-up time than linking a small program does."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from uruk.cli.targets import target_of
from uruk.cli.usage import UsageError
from uruk.compile.languages import language_of
from uruk.isa.names import HERE_NAME

if TYPE_CHECKING:
    from uruk.cli.compiling import HowToCompile

USAGE = """\
usage: uruk run [options] INPUT... [-- ARGUMENT...]

Link relocatable objects, archives and libraries into a child process, and run main(). uruk's exit status is the
program's.
Sources are compiled first, by the compiler of CC or CXX, or what there is: cc, gcc, clang, zig.

  INPUT               an object (.o), an archive (.a), a shared library (.so) or a source (.c .cpp .cc .cxx .C .s .S)
  -l NAME             a library, found as ld does: in -L directories, system directories, the loader's cache
  -L DIR              where -l looks first
  --in-process        run in this process instead of a child
  --oop               run in a child process, uruk's executor (the default)
  --target TARGET     x86_64-linux or aarch64-linux (default: that of the first object)
  --launcher CMD      a command before the executor: an emulator, "ssh host" (default for another
                      architecture: qemu-ARCH -L /usr/ARCH-linux-gnu, if that is there)
  --executor PATH     another executor program; any that speaks LLVM's protocol
  --shared-memory, --no-shared-memory
                      code goes to the child by memory that both map (the default), or by messages
  --connect HOST:PORT run in an executor that listens there; see `uruk executor --help'
  --tls-pool=SIZE     static thread-local storage of the child (default: what the program
                      needs, up to 1Mb)
  -rdynamic           libraries that the program opens see its names (also -Wl,-E, -Wl,--export-dynamic)
  --entry NAME        the function to run (default: main)
  --no-exec           link only; with --entry, only the objects that NAME needs
  --phony-externals   names that nobody defines become 0
  --gc-sections       drop sections that the entry does not reach
  --define NAME=ADDR  an absolute symbol
  --slab-allocate=SIZE  address space reserved for code (suffix Kb, Mb, Gb)
  -O2 -g -std=... -I DIR -D NAME -U NAME -f... -m... -W... -w -pthread
                      flags for the compiler, as it takes them
  -pie -no-pie -s     as when linking; they change nothing
  --cflag FLAG        any other flag for the compiler
  --compiler CMD      the compiler of all sources: a name, a path, or a command ("zig cc", "ccache gcc")
  --no-cache          compile again what was compiled before
  --time              print how long each pass took, on standard error
  --dump-graph POINT[=FILE]  write the graph there: at `post-prune', `after layout', ...; a FILE that ends in
                      .json is JSON, without one it goes to standard error
"""

TARGETS = ("x86_64-linux", "aarch64-linux")


@dataclass
class Arguments:
    """The command line, in its order: `inputs` has (kind, value) with kind input, library."""

    inputs: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    directories: list[str] = field(default_factory=list[str])
    defines: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    program: list[str] = field(default_factory=list[str])
    entry: str = ""
    execute: bool = True
    phony: bool = False
    prune: bool = False
    time: bool = False
    slab: int = 0
    in_process: bool = False
    oop: bool = False
    target: str = ""
    launcher: list[str] = field(default_factory=list[str])
    executor: str = ""
    shared_memory: bool | None = None
    connect: tuple[str, int] | None = None
    rdynamic: bool = False
    bound_early: list[tuple[bytes, str]] = field(default_factory=list[tuple[bytes, str]])
    """Thread-locals and their libraries that must have static storage before any use; found by trying."""
    tls_pool: int = 0
    """Bytes; 0: what the program needs."""
    compiler: str = ""
    flags: list[str] = field(default_factory=list[str])
    cache: bool = True
    dumps: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Points of the link and files for its graph there; an empty file is standard error."""

    def how_to_compile(self) -> HowToCompile | None:
        """What is said of compiling; None if nothing, which saves an import."""
        foreign = self.target not in ("", f"{HERE_NAME}-linux")
        if not (self.compiler or self.flags or foreign or not self.cache):
            return None
        from uruk.cli.compiling import HowToCompile

        return HowToCompile(self.compiler, tuple(self.flags), self.cache, self.target)


_VALUES = (
    "-l",
    "-L",
    "-I",
    "-D",
    "-U",
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
)
_FLAGS = (
    "--in-process",
    "--oop",
    "--shared-memory",
    "--no-shared-memory",
    "--no-exec",
    "--phony-externals",
    "--gc-sections",
    "--time",
    "--no-cache",
)
_OF_LINKS = ("-pthread", "-pie", "-no-pie", "-s")  # what people write when they link, and what changes nothing here
_RDYNAMIC = ("-rdynamic", "-Wl,-E", "-Wl,--export-dynamic")
# Flags of a compiler that are one word, and mean nothing else here: as people type them behind cc.
_COMPILER = ("-O", "-g", "-std=", "-f", "-m", "-W", "-w", "-pthread")


def parse(words: Sequence[str]) -> Arguments:
    """Read the command line. Raises UsageError."""
    arguments = Arguments()
    rest = iter(words)
    for word in rest:
        if word == "--":
            arguments.program = list(rest)
        elif not word.startswith("-") or word == "-":
            arguments.inputs.append(("input", word))
        elif word in _FLAGS:
            _flag(arguments, word)
        elif word in _RDYNAMIC:
            arguments.rdynamic = True
        elif word in _OF_LINKS and word != "-pthread":
            continue
        elif word.startswith(_COMPILER):
            arguments.flags.append(word)
        else:
            option, value = _value(word, rest)
            _option(arguments, option, value)
    if not arguments.inputs:
        raise UsageError("no input")
    arguments.target = arguments.target or target_of(arguments.inputs)
    if arguments.in_process and (arguments.launcher or arguments.executor or arguments.connect):
        raise UsageError("--in-process has no executor to start or to connect to")
    if not any(kind == "input" and language_of(value) for kind, value in arguments.inputs):
        for flag in (one for one in arguments.flags if one not in _OF_LINKS):
            raise UsageError(f"{flag} is for a compiler, and no input is a source")
        arguments.flags = []
    return arguments


def _value(word: str, rest: Iterator[str]) -> tuple[str, str]:
    """An option and its value: joined, behind ``=``, or the next word."""
    for option in _VALUES:
        short = not option.startswith("--")
        if word == option:
            value = next(rest, None)
            if value is None:
                raise UsageError(f"{option} wants a value")
            return option, value
        if short and word.startswith(option):
            return option, word[2:]
        if word.startswith(option + "="):
            return option, word[len(option) + 1 :]
    raise UsageError(f"unknown option {word}")


def _flag(arguments: Arguments, word: str) -> None:
    arguments.execute &= word != "--no-exec"
    arguments.phony |= word == "--phony-externals"
    arguments.prune |= word == "--gc-sections"
    arguments.time |= word == "--time"
    arguments.cache &= word != "--no-cache"
    if word in ("--in-process", "--oop"):
        arguments.in_process, arguments.oop = word == "--in-process", word == "--oop"
    if word.endswith("shared-memory"):
        arguments.shared_memory = word == "--shared-memory"


def _option(arguments: Arguments, option: str, value: str) -> None:
    if option == "-l":
        arguments.inputs.append(("library", value))
    elif option == "-L":
        arguments.directories.append(value)
    elif option in ("-I", "-D", "-U"):
        arguments.flags.append(option + value)
    elif option == "--cflag":
        arguments.flags.append(value)
    elif option == "--compiler":
        arguments.compiler = value
    elif option == "--target":
        if value not in TARGETS:
            raise UsageError(f"no target `{value}'; there are {', '.join(TARGETS)}")
        arguments.target = value
    elif option == "--launcher":
        arguments.launcher += shlex.split(value)
    elif option == "--executor":
        arguments.executor = value
    elif option == "--connect":
        arguments.connect = host_and_port(value)
    elif option == "--tls-pool":
        arguments.tls_pool = _size(value)
    elif option == "--entry":
        arguments.entry = value
    elif option == "--define":
        name, equals, address = value.partition("=")
        if not name or not equals:
            raise UsageError(f"--define wants NAME=ADDRESS, not `{value}'")
        arguments.defines.append((name, _number(address)))
    elif option == "--dump-graph":
        point, _, file = value.partition("=")
        arguments.dumps.append((_point(point), file))
    else:
        arguments.slab = _size(value)


def _point(name: str) -> str:
    """A point of the link. Raises UsageError that lists them."""
    from uruk.errors import UrukError
    from uruk.passes.points import check_point

    try:
        return check_point(name)
    except UrukError as error:
        raise UsageError(str(error)) from None


def host_and_port(text: str) -> tuple[str, int]:
    """HOST:PORT taken apart. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"`{text}' is not HOST:PORT")
    return host, int(port)


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise UsageError(f"`{text}' is no number") from None


def _size(text: str) -> int:
    """Bytes of a size with a suffix; Kb if it has none."""
    digits, unit = text, 1 << 10
    for suffix, bytes_each in (("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)):
        if text.lower().endswith(suffix):
            digits, unit = text[:-2], bytes_each
    size = _number(digits) * unit
    if size <= 0:
        raise UsageError(f"a slab of {text} holds nothing")
    return size
