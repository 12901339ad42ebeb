"""The options of `llvm-jitlink` (LLVM 19, and the names of newer releases): how each is spelt, and what it says."""

from __future__ import annotations

from enum import Enum

from uruk.named_tuples import NamedTuple


class Takes(Enum):
    """The words that an option takes."""

    NOTHING = "nothing"
    """It is on or off; ``=true`` and the like may be joined."""
    VALUE = "value"
    """A value, joined with ``=`` or the next word."""
    JOINED = "joined value"
    """The same, or joined without ``=``, as in -lm."""
    MAYBE = "value if joined"
    """A value only where it is joined with ``=``."""
    WORDS = "words"
    """The words behind it."""


class Option(NamedTuple):
    """One option; `shown` is how the help text names its value, and `help` is empty for those that it leaves out."""

    name: str
    takes: Takes
    help: str = ""
    shown: str = ""
    choices: tuple[str, ...] = ()
    """The values that there are; empty where any will do."""


_STRING = "<string>"
OPTIONS = (
    Option("L", Takes.JOINED, "Add a directory to the library search paths", _STRING),
    Option("abs", Takes.VALUE, "Define an absolute symbol (syntax: <name>=<addr>)", _STRING),
    Option("add-self-relocations", Takes.NOTHING, ""),
    Option("all_load", Takes.NOTHING, "Link all members of static libraries"),
    Option("alias", Takes.VALUE, "Define an alias (syntax: [<dst-jd>:]<alias>=[<src-jd>:]<aliasee>)", _STRING),
    Option("args", Takes.WORDS, "The program's arguments: every word behind this one", "<string>..."),
    Option("check", Takes.VALUE, "File with rules to check", _STRING),
    Option("check-name", Takes.VALUE, "Name that begins the rules (default: jitlink-check)", _STRING),
    Option("debugger-support", Takes.NOTHING, "Accepted; code is not registered with a debugger"),
    Option("entry", Takes.VALUE, "Symbol to call as main entry point (default: main)", _STRING),
    Option("harness", Takes.WORDS),
    Option("hidden-l", Takes.JOINED, "Link against library X, whose symbols other dylibs do not see", _STRING),
    Option("jd", Takes.VALUE, "The JITDylib of all inputs, -L and -l behind this option", _STRING),
    Option("l", Takes.JOINED, "Link against library X in the library search paths", _STRING),
    Option("lazy", Takes.NOTHING, "Link the file behind this option when a function of it is called first"),
    Option("load_hidden", Takes.VALUE, "Link against an archive, whose symbols other dylibs do not see", _STRING),
    Option("no-process-syms", Takes.NOTHING, "Do not resolve to symbols of the process"),
    Option("noexec", Takes.NOTHING, "Link, and do not run; objects may be for any target"),
    Option("num-threads", Takes.VALUE, "Accepted; changes nothing", "<uint>"),
    Option("ObjC", Takes.NOTHING, "Accepted; only Mach-O's archives have what it asks for"),
    Option("oop-executor", Takes.MAYBE, "Run in another process (default: uruk's executor)", _STRING),
    Option("oop-executor-connect", Takes.VALUE, "Run in an executor that listens at <host>:<port>", _STRING),
    Option("orc-runtime", Takes.VALUE, "Accepted; uruk's own runtime does what that one does, always", _STRING),
    Option("perf-support", Takes.NOTHING, "Record functions in a jitdump file for perf"),
    Option("phony-externals", Takes.NOTHING, "Resolve all externals that are otherwise unresolved to null"),
    Option("preload", Takes.VALUE, "Load a dynamic library first", _STRING),
    Option("record-lazy-execs", Takes.VALUE, "Ignored: uruk links nothing ahead of its call", _STRING),
    Option("search-sys-lib", Takes.NOTHING, "Search for libraries in LD_LIBRARY_PATH, too"),
    Option(
        "sectcreate", Takes.VALUE, "Make a section of a file (syntax: <sectname>,<file>[@<sym>=<offset>,...])", _STRING
    ),
    Option("show-addrs", Takes.NOTHING, "Print registered symbol, section, got and stub addresses"),
    Option("show-entry-es", Takes.NOTHING, "Print the session's state after resolving the entry point"),
    Option("show-err-failed-to-materialize", Takes.NOTHING, "Accepted; such errors are shown with their causes"),
    Option("show-graphs", Takes.VALUE, "Print the link graphs of all files that match a regular expression", _STRING),
    Option("show-init-es", Takes.NOTHING, "Print the session's state before resolving the entry point"),
    Option("show-linked-files", Takes.NOTHING, "Print the name of each file when it is linked"),
    Option("show-relocated-section-contents", Takes.NOTHING, "Print section contents after fixups have been applied"),
    Option("show-times", Takes.NOTHING, "Show times for llvm-jitlink phases"),
    Option("slab-address", Takes.VALUE, "Target address of the slab (requires -slab-allocate and -noexec)", "<ulong>"),
    Option("slab-allocate", Takes.VALUE, "Allocate slabs of this size (suffixes: Kb, Mb, Gb; default: Kb)", _STRING),
    Option("slab-page-size", Takes.VALUE, "Page size of the slab (requires -slab-allocate)", "<ulong>"),
    Option("speculate", Takes.VALUE, "Ignored: uruk links nothing ahead of its call", "<value>", ("none", "simple")),
    Option("speculate-order", Takes.VALUE, "Ignored: uruk links nothing ahead of its call", _STRING),
    Option(
        "symbolicate-with", Takes.VALUE, "Name what backtraces show, by a file of -write-symtab; links nothing", _STRING
    ),
    Option("triple", Takes.VALUE, "The target, instead of that of the first object", _STRING),
    Option(
        "use-memmgr",
        Takes.VALUE,
        "How code reaches another process: `shared` is -use-shared-memory",
        "<value>",
        ("default", "generic", "simple-remote", "shared"),
    ),
    Option("use-shared-memory", Takes.NOTHING, "Transfer generated code and data by shared memory"),
    Option("vtune-support", Takes.NOTHING, "Accepted with -noexec; programs are refused (uruk has no VTune)"),
    Option("weak-l", Takes.JOINED, "Refused: such libraries are Mach-O's", _STRING),
    Option("weak_library", Takes.VALUE, "Refused: such libraries are Mach-O's", _STRING),
    Option("write-symtab", Takes.VALUE, "Write the addresses of all symbols to a file", _STRING),
    Option("color", Takes.NOTHING, "Accepted; messages have no colours"),
    Option("h", Takes.NOTHING, ""),
    Option("help", Takes.NOTHING, "Display available options"),
    Option("help-hidden", Takes.NOTHING, ""),
    Option("help-list", Takes.NOTHING, ""),
    Option("version", Takes.NOTHING, "Display the version of this program"),
)
BY_NAME = {option.name: option for option in OPTIONS}
PREFIXES = ("hidden-l", "weak-l", "L", "l")
"""Options whose value may be joined without ``=``, the longest first."""
