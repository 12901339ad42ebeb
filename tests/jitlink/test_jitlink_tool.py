"""uruk-jitlink with -noexec: what is linked, what it prints, and its statuses."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from jitlink.running import Done, llvm_jitlink, run_to, uruk_jitlink

from support.assembly import assemble
from support.compiling import Compile
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

SLAB = ("-noexec", "-slab-allocate=64Kb", "-slab-address=0", "-slab-page-size=4096")


def linked(*words: object) -> Done:
    done = uruk_jitlink(*words)
    assert done == (0, done.out, ""), done
    return done


def refused(*words: object) -> str:
    """The text on standard error of a run that fails: no traceback, and nothing on standard output."""
    done = uruk_jitlink(*words)
    assert (done.status, done.out) == (1, "")
    assert "Traceback" not in done.err
    return done.err


def check(cc: Compile, tmp_path: Path, rules: str, *words: object) -> Done:
    file = tmp_path / "rules.txt"
    file.write_text("".join(f"# jitlink-check: {rule}\n" for rule in rules.strip().splitlines()))
    return uruk_jitlink(*words, f"-check={file}")


@pytest.mark.parametrize("family", ["gcc", "aarch64-gcc"])
def test_any_target(cc: Compile, family: str) -> None:
    """Only what the entry needs is linked: the other object's undefined name is nobody's business."""
    main = cc("int f(int); int main(void) { return f(1); }", family=family, name="main")
    needed = cc("int f(int x) { return x; }", family=family, name="needed")
    other = cc("int nowhere(void); int other(void) { return nowhere(); }", family=family, name="other")
    assert linked("-noexec", main, needed, other).out == ""
    assert refused("-noexec", main, needed, other, "-entry=other") == (
        "llvm-jitlink error: Symbols not found: [ nowhere ]\n"
    )


def test_names_of_the_process(cc: Compile) -> None:
    main = cc("unsigned long strlen(const char *); int main(int c, char **v) { return strlen(v[0]); }")
    linked("-noexec", main)
    assert "Symbols not found: [ strlen ]" in refused("-noexec", main, "-no-process-syms")
    linked("-noexec", main, "-no-process-syms", "-phony-externals")
    linked("-noexec", main, "-no-process-syms", "-abs", "strlen=0x1000")


def test_phony_externals_are_null(cc: Compile, tmp_path: Path) -> None:
    main = cc("extern int far; int g(void); int main(void) { return far + g(); }", "-fPIC", name="main")
    done = check(cc, tmp_path, "*{8}(got_addr(main.o, far)) = 0\n*{8}(got_addr(main.o, g)) = 0", *SLAB, main,
                 "-phony-externals")  # fmt: skip
    assert done.status == 0, done.err


def test_errors(cc: Compile, tmp_path: Path) -> None:
    main = cc("int g; int main(void) { return g; }", name="main")
    again = cc("int g = 1;", name="again")
    other = cc("int g = 2;", name="other")
    source = tmp_path / "source.c"
    source.write_text("int main(void) { return 0; }\n")
    assert "'gone.o': No such file or directory" in refused("-noexec", "gone.o")
    assert "'gone.a': 'gone.a': No such file or directory" in refused("-noexec", main, "gone.a")
    assert "Duplicate definition of symbol 'g'" in refused("-noexec", again, other)
    assert "Duplicate definition of symbol 'g'" in refused("-noexec", again, "-abs", "g=1", "-abs", "g=2")
    assert "not an ELF object" in refused("-noexec", source)
    assert "Symbols not found: [ nope ]" in refused("-noexec", "-entry=nope", main)
    assert "could not find library for -lnope" in refused("-noexec", main, "-lnope")
    assert "does not point to a directory" in refused("-noexec", main, f"-L{source}")
    assert "Invalid alias definition" in refused("-noexec", main, "-alias=a")
    assert "no dylib named x" in refused("-noexec", main, "-alias=x:a=main")
    assert "No such file or directory" in refused("-noexec", main, "-sectcreate=s,gone.bin")
    assert "No such file or directory" in refused("-noexec", main, "-check=gone.txt")
    assert "has no rule" in refused("-noexec", main, f"-check={source}")
    assert "no regular expression" in refused("-noexec", main, "-show-graphs=(")
    # A folder is there, and is no file.
    for words in ((tmp_path,), (main, f"-sectcreate=s,{tmp_path}"), (main, f"-check={tmp_path}")):
        assert refused("-noexec", *words) == f"uruk-jitlink: '{tmp_path}': Is a directory\n"
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for words in ((pipe,), (main, f"-sectcreate=s,{pipe}")):
        assert refused("-noexec", *words) == f"uruk-jitlink: '{pipe}': is a pipe, not a regular file\n"
    fake = main.with_name("fake.a")
    fake.write_bytes(main.read_bytes())
    assert "not an archive" in refused("-noexec", main, fake)


def test_out_of_range(cc: Compile) -> None:
    unit = cc(".globl main\nmain: ret\n .short far\n", language="s", name="unit")
    slab = ("-slab-allocate=64Kb", "-slab-address=0xfff00000", "-slab-page-size=4096")
    linked("-noexec", unit, "-abs", "far=0x1234", *slab)
    error = refused("-noexec", unit, "-abs", "far=0x12345", *slab)
    assert re.fullmatch(
        r"llvm-jitlink error: In graph .*unit\.o, section \.text: relocation target \"far\" at address 0x12345 is "
        r"out of range of Pointer16 fixup at 0xfff00001 \(.*, 0xfff00000 \+ 0x1\)\n",
        error,
    )


def test_dylibs(cc: Compile, tmp_path: Path) -> None:
    """Inputs belong to the -jd before them, which is in nobody's link order until -l names it."""
    main = cc("int f(void); int main(void) { return f(); }", name="main")
    library = cc("int f(void) { return 1; }", name="library")
    assert "Symbols not found: [ f ]" in refused("-noexec", main, "-jd", "other", library)
    linked("-noexec", main, "-lother", "-jd", "other", library)
    linked("-noexec", "-alias=f=other:f", main, "-jd", "other", library)
    linked("-noexec", "-jd", "other", library, "-jd", "third", main, "-lother")


def test_dylibs_of_one_name(cc: Compile) -> None:
    """A name that is given again is another dylib's, and the first one's for -l."""
    main = cc("int f(void); int main(void) { return f(); }", name="main")
    library = cc("int f(void) { return 1; }", name="library")
    for words, status in (
        ([library, "-jd", "main", main], 1), ([library, "-jd", "main", main, "-lmain"], 0),
        ([library, "-jd", "main", library, "-entry=f"], 0), (["-jd", "a", library, "-jd", "a", main, "-la"], 0),
    ):  # fmt: skip
        ours, theirs = (tool(*SLAB, *words, "-show-entry-es") for tool in (uruk_jitlink, llvm_jitlink))
        assert (ours.status, ours.err) == (theirs.status, theirs.err), words
        assert ours.status == status
        assert titles(ours) == titles(theirs)


def titles(done: Done) -> list[str]:
    """The names of dylibs, in order."""
    return re.findall(r'^JITDylib "([^"]*)"', done.out, re.MULTILINE)


def test_libraries(cc: Compile) -> None:
    main = cc("int f(void); int main(void) { return f(); }", name="main")
    archive = cc.archive("libf.a", cc("int f(void) { return 1; }", name="f"))
    linked("-noexec", main, archive)
    linked("-noexec", main, f"-L{archive.parent}", "-lf")
    linked("-noexec", main, f"-L{archive.parent}", "-hidden-lf")
    linked("-noexec", main, "-load_hidden", archive)


def test_hidden_libraries(cc: Compile) -> None:
    """Of an archive that is loaded hidden, code of the dylib sees the names, and that of others does not."""
    f = cc("int f(void) { return 1; }", name="f")
    main = cc("int f(void), g(void); int main(void) { return f() + g(); }", name="main")
    g = cc("int f(void); int g(void) { return f(); }", name="g")
    archive = cc.archive("libf.a", f)
    linked("-noexec", main, "-lother", "-jd", "other", g, archive)
    assert "Symbols not found: [ f ]" in refused("-noexec", main, "-lother", "-jd", "other", g, "-load_hidden", archive)
    assert "Symbols not found: [ f ]" in refused(
        "-noexec", main, "-lother", "-jd", "other", g, f"-L{archive.parent}", "-hidden-lf"
    )


def test_made_section(cc: Compile, tmp_path: Path) -> None:
    content = tmp_path / "content.bin"
    content.write_bytes(bytes(range(1, 9)))
    main = cc("extern int first, third; int main(void) { return first + third; }", "-fPIC", name="main")
    rules = "*{4}first = 0x04030201\n*{4}third = 0x06050403\nthird - first = 2\nfirst[3:0] = 0"
    done = check(cc, tmp_path, rules, *SLAB, main, f"-sectcreate=sect,{content}@first=0,third=2")
    assert done == (0, "", "")


RULES = """
*{4}counter = 7
decode_operand(load, 4) = counter - next_pc(load)
next_pc(load) - load = 6
stub_addr(main.o, far) - section_addr(main.o, .text) = 12
*{8}(got_addr(main.o, far)) = far
far = 0x123456789a
section_addr(main.o, .data) = counter
_GLOBAL_OFFSET_TABLE_ = got_addr(main.o, far)
decode_operand(load + 6, 0) = stub_addr(main.o, far) - next_pc(load + 6)
*{1}(load + 11) = 0xc3
"""
UNIT = """
        .globl main, counter
main:
load:   movl counter(%rip), %eax
        call far
        ret
        .data
counter: .long 7
        .reloc main, R_X86_64_NONE, load
"""


def test_rules(cc: Compile, tmp_path: Path) -> None:
    """Every rule holds, and each one that is spoilt is noticed."""
    main = cc(UNIT, language="s", name="main")
    words = (*SLAB, main, "-abs=far=0x123456789a")
    assert check(cc, tmp_path, RULES, *words) == (0, "", "")
    for rule in RULES.strip().splitlines():
        done = check(cc, tmp_path, rule + " + 1", *words)
        assert done.status == 1
        assert done.out == ""
        assert f"Expression '{rule} + 1' is false: " in done.err
        assert "Some checks in" in done.err


def test_rules_without_a_disassembler(cc: Compile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only rules about instructions need llvm-mc, which LLVM_MC may name."""
    main = cc(UNIT, language="s", name="main")
    words, tool = (*SLAB, main, "-abs=far=0x123456789a"), require_tool("llvm-mc-19")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.delenv("LLVM_MC", raising=False)
    assert check(cc, tmp_path, "*{4}counter = 7", *words) == (0, "", "")
    done = check(cc, tmp_path, "next_pc(load) - load = 6", *words)
    assert (done.status, done.out) == (1, "")
    assert "need LLVM's llvm-mc: install llvm, or set LLVM_MC" in done.err
    monkeypatch.setenv("LLVM_MC", tool)
    assert check(cc, tmp_path, "next_pc(load) - load = 6", *words) == (0, "", "")


def test_wrong_rules(cc: Compile, tmp_path: Path) -> None:
    """Each false rule is reported, not the first one only."""
    main = cc(UNIT, language="s", name="main")
    rules = """1 = 2
nobody = 1
1 + = 2
got_addr(main.o, counter) = 1
stub_addr(main.o, counter) = 1
section_addr(main.o, .none) = 1
section_addr(other.o, .text) = 1
decode_operand(load, 9) = 1
decode_operand(load + 100, 0) = 1
*{8}0x7fffffffff = 0"""
    done = check(cc, tmp_path, rules, *SLAB, main, "-abs=far=0x123456789a")
    assert (done.status, done.out) == (1, "")
    for text in (
        "Expression '1 = 2' is false: 0x1 != 0x2", "symbol nobody not found", 'no GOT entry for "counter"',
        'no stub for "counter"', 'no section ".none"', 'file "other.o" not recognized', "operand 9",
        "no instruction at load",
        "are not linked code or data",
    ):  # fmt: skip
        assert text in done.err
    assert done.err.count("Error evaluating expression") == 9


def test_a_name_twice(cc: Compile, tmp_path: Path) -> None:
    """Two files of one name are an error where rules name files, and only there."""
    one = cc("int f(void); int main(void) { return f(); }", name="unit")
    two = cc("int f(void) { return 1; }", name="unit")
    linked("-noexec", one, two)
    done = check(cc, tmp_path, "1 = 1", "-noexec", one, two)
    assert done.status == 1
    assert 'file names must be distinct (duplicate: "unit.o")' in done.err


def test_show_session(cc: Compile) -> None:
    main = cc("int w(void) __attribute__((weak)); int w(void) { return 1; } int c; int main(void) { return w() + c; }",
              "-fcommon", name="main")  # fmt: skip
    lines = linked(*SLAB, main, "-show-init-es", "-show-entry-es", "-alias=z=main").out.splitlines()
    assert next(line for line in lines if line.startswith("JITDylib")).startswith('JITDylib "Process" (ES: 0x')
    assert 'Link order: [ ("main", MatchAllSymbols), ("Process", MatchExportedSymbolsOnly) ]' in lines
    pending = r'    "main": <not resolved>  \[Callable\] Never-Searched \(Materializer 0x.*main\.o\)'
    assert any(re.fullmatch(pending, line) for line in lines)
    assert any(re.fullmatch(r'    "w": 0x[0-9a-f]+ \[Callable\]\[Weak\] Ready', line) for line in lines)
    assert '    "z": ' in "\n".join(lines)


def test_show_graph(cc: Compile) -> None:
    main = cc(UNIT, language="s", name="main")
    text = linked(*SLAB, main, "-abs=far=0x123456789a", "-show-graphs=main").out
    assert text.startswith(
        f'Link graph "{main}" post-fixup:\nsection .text:\n\n  block 0x2000 size = 0x0000000c, align = '
    )
    assert (
        "      0x2000 (block + 0x00000000): size: 0x00000000, linkage: strong, scope: default, live  -   main\n" in text
    )
    assert "      0x2002 (block + 0x00000002), addend = -0x00000004, kind = Delta32, target = counter\n" in text
    assert (
        "      0x2007 (block + 0x00000007), addend = +0x00000000, kind = BranchPCRel32ToPtrJumpStubBypassable, "
        "target = addressable@0x200c+0x00000000\n"
    ) in text
    assert "  block 0x0 size = 0x00000008, align = 8, alignment-offset = 0\n" in text
    assert "External symbols:\n  0x123456789a: " in text
    assert linked(*SLAB, main, "-abs=far=0", "-show-graphs=other").out == ""
    posix = linked(*SLAB, main, "-abs=far=0x123456789a", "-show-graphs=^/[[:alnum:]/_.-]*[[:alpha:]][.]o$")
    assert (posix.out, posix.err) == (text, "")


def test_show_contents(cc: Compile) -> None:
    """The GOT is printed, too."""
    main = cc(UNIT, language="s", name="main")
    text = linked(*SLAB, main, "-abs=far=0x123456789a", "-show-relocated-section-contents").out
    assert ".data content:\n0x0000000000001000: 07 00 00 00\n" in text
    assert "$__GOT content:\n0x0000000000000000: 9a 78 56 34 12 00 00 00\n" in text
    assert "0x0000000000002000: 8b 05 fa ef ff ff e8 01 00 00 00 c3" in text


def test_show_addresses(cc: Compile) -> None:
    main = cc(UNIT, language="s", name="main")
    text = linked(*SLAB, main, "-abs=far=0x123456789a", "-show-addrs").out
    assert text.startswith("Registered addresses:\nSymbols:\n")
    assert '  "counter" target addr = 0x0000000000001000, content: ' in text
    assert 'File "main.o":\n' in text
    assert '  GOT "far": target addr = 0x0000000000000000' in text
    assert '  Stubs "far": target addr = 0x000000000000200c' in text


def test_help_and_version() -> None:
    text = linked("-help").out
    assert "  --noexec " in text
    assert "add-self-relocations" not in text
    assert "add-self-relocations" in linked("--help-hidden").out
    assert linked("-version").out.startswith("uruk ")


@pytest.mark.parametrize("buffered", ["1", ""], ids=["at-once", "at-the-end"])
def test_output_that_goes_nowhere_is_an_error(buffered: str) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = run_to(full, "-help", PYTHONUNBUFFERED=buffered)
    assert done == (1, "", done.err)
    assert done.err.endswith("standard output: No space left on device\n")


SELF = """
        .section .text.f, "ax", @progbits
        nop
        .globl  f
        .type   f, @function
f:
0:      leaq    0b(%rip), %rax
        ret
        .size   f, . - f
        .text
        .globl  main
        .type   main, @function
main:   call    f@PLT
        ret
# jitlink-check: decode_operand(f, 4) = f - next_pc(f)
"""


@pytest.mark.parametrize("more", [[], ["-add-self-relocations"]])
def test_functions_that_name_themselves(more: list[str], tmp_path: Path) -> None:
    """Their code is moved as a whole, so that the distance that the assembler has computed holds with either option."""
    source, unit = tmp_path / "self.s", tmp_path / "self.o"
    source.write_text(SELF)
    unit.write_bytes(assemble(SELF))
    linked(*SLAB, unit, f"-check={source}", *more)
    assert llvm_jitlink(*SLAB, unit, f"-check={source}", *more).status == 0
