"""What a program seldom needs is not imported by its start: each import costs a part of a millisecond."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.requirements import require_tool

SELDOM = (
    "uruk.libraries",  # -l
    "uruk.isa.abi",  # calls into other processes
    "uruk.orc.lookup.addresses",  # names for a crash
    "uruk.orc.lookup.archive_order",
    "uruk.orc.lookup.displaced",  # --defsym with an offset
    "uruk.orc.lookup.hidden_bases",
    "uruk.orc.lookup.member_symbols",  # archives without an index
    "uruk.orc.lifetime.dlopen",  # dlopen's counting
    "uruk.orc.lifetime.removal",
    "uruk.orc.generators",
    "uruk.orc.lookup.materialize",  # units and generators
    "uruk.orc.units",
    "uruk.platforms.thread_search",  # removals
    "uruk.formats.foreign",
    "uruk.formats.coff",
    "uruk.passes.coff",
    "uruk.isa.x86_64_images",
    "uruk.isa.aarch64_images",
    "uruk.compile",
    # what only links need, which come with the first objects
    "uruk.link",
    "uruk.formats.elf.carrier",
    "uruk.formats.elf.reader",
    "uruk.isa.x86_64",
    "uruk.isa.aarch64",
    "uruk.passes.elf.eh_frame",
    "uruk.passes.elf.linker_symbols",
    "uruk.passes.elf.per_object_helpers",
    "uruk.passes.fixup",
    "uruk.passes.got_plt",
    "uruk.passes.layout",
    "uruk.passes.resolve",
    "uruk.passes.state",
    "uruk.platforms.linux.runtime_linking",
    "uruk.platforms.linux.tls.carriers",
    "uruk.platforms.linux.loader_here",
    "cffi",
    "rich",
    # what an import of numpy does without
    "copy",
    "dataclasses",
    "mmap",
    "numpy.typing",
)
LOOKUPS = (
    "bisect",
    "uruk.executor.library_symbols",
    "uruk.formats.archive_index",
    "uruk.formats.heads",
    "uruk.formats.interface",
    "uruk.formats.registry",
    "uruk.graph.arena",
    "uruk.graph.graph",
    "uruk.isa",
    "uruk.memory.instruction_cache",
    "uruk.memory.slab",
    "uruk.orc.lookup.answers",
    "uruk.orc.lookup.one_object",
    "uruk.orc.registry.adding",
    "uruk.orc.registry.symbol_flags",
)
"""What a session takes that has objects, or has looked something up."""
MOST = 85
"""Modules of uruk at most that a session imports: a module takes a five-hundredth of an import of numpy."""


def test_seldom_used_modules_wait_until_they_are_needed() -> None:
    session = "import sys, uruk\njit = uruk.LLJIT()\n"
    for text, absent in (("", SELDOM + LOOKUPS), ("jit.lookup('abs')\n", SELDOM)):
        imported = run(f"{session}{text}print(*sys.modules)")
        assert "uruk.lljit" in imported
        assert not set(imported).intersection(absent)
        assert text or sum(name.startswith("uruk") for name in imported) <= MOST


def test_a_program_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    """One that has no lazy functions, units, generators, calls with types, or libraries that want its names."""
    path = tmp_path / "one.o"
    source = ".globl main\nmain: xor %eax, %eax\nret\n"
    subprocess.run([require_tool("as"), "-o", path, "-"], input=source, text=True, check=True)
    command = [sys.executable, "-X", "importtime", "-m", "uruk", "run", path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "uruk.platforms.linux.process_there" in imported
    assert not imported & {
        "cffi",
        "rich",
        "uruk.compile.compile_source",
        "uruk.executor.lazy_stubs",
        "uruk.executor.lazy_there",
        "uruk.executor.plan",
        "uruk.formats.elf.exports",
        "uruk.orc.generators",
        "uruk.orc.lifetime.removal",
        "uruk.orc.lookup.materialize",
    }


def run(text: str) -> list[str]:
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True).stdout.split()


def test_the_tool_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    """-help does without numpy and dataclasses, and a link without what only rules, lists and masked arrays take."""
    path = tmp_path / "one.o"
    source = ".globl main\nmain: ret\n"
    subprocess.run([require_tool("as"), "-o", path, "-"], input=source, text=True, check=True)
    text = (
        "import sys\nfrom uruk.jitlink.main import main\nassert main(sys.argv[1:]) == 0\nprint(' '.join(sys.modules))"
    )
    for words, absent in (
        (["-help"], {"numpy", "dataclasses", "signal"}),
        (["-noexec", path], {"numpy.ma", "uruk.jitlink.checking"}),
    ):
        done = subprocess.run([sys.executable, "-c", text, *words], capture_output=True, text=True, check=True)
        imported = set(done.stdout.splitlines()[-1].split())
        assert "uruk.jitlink.main" in imported
        assert not imported & absent


def test_a_link_without_builtins_does_not_import_what_knows_compilers(tmp_path: Path) -> None:
    path = tmp_path / "one.o"
    source = ".globl f\nf: call __errno_location@PLT\nret\n"
    subprocess.run([require_tool("as"), "-o", path, "-"], input=source, text=True, check=True)
    link = f" jit.add_object({str(path)!r})\n jit.lookup('f')"
    text = f"import sys, uruk\nwith uruk.LLJIT() as jit:\n{link}\nprint(*sys.modules)"
    assert not {"uruk.compile", "uruk.platforms.linux.compiler_builtins"}.intersection(run(text))


def test_collections_of_young_objects_pass_over_what_was_imported() -> None:
    text = "import gc, uruk\nuruk.LLJIT\nprint(*(len(gc.get_objects(generation)) for generation in range(3)))"
    young, middle, old = map(int, run(text))
    assert young + middle < 500
    assert old > 10_000


def test_garbage_of_before_the_import_is_collected_after_it() -> None:
    text = """if True:
        import gc, weakref, uruk
        class Node: pass
        node = Node()
        node.itself, gone = node, weakref.ref(node)
        del node
        uruk.LLJIT
        print(gc.isenabled(), gc.get_freeze_count(), gone() is None, gc.collect() > 0, gone() is None)
    """
    assert run(text) == ["True", "0", "False", "True", "True"]


def test_what_a_program_has_frozen_stays_frozen() -> None:
    assert run("import gc, uruk\ngc.freeze()\nuruk.LLJIT\nprint(gc.get_freeze_count() > 0)") == ["True"]


def test_a_program_without_collection_is_left_alone() -> None:
    assert run("import gc, uruk\ngc.disable()\nuruk.LLJIT\nprint(gc.isenabled())") == ["False"]
