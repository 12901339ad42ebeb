"""Objects that test others: what they call is promoted, what they define takes the place of the tested objects' own."""

from __future__ import annotations

from pathlib import Path

import pytest

from jitlink.running import Done, llvm_jitlink, run, uruk_jitlink

from support.assembly import assemble

pytestmark = pytest.mark.any_interpreter

TESTED = """
        .globl  public_to_test, public_to_replace, private_seen_by_test
        .type   private_seen_by_test, @function
        .type   public_to_test, @function
        .type   private_to_test, @function
        .type   public_to_replace, @function
        .type   private_to_replace, @function
        .section .text.tested, "ax", @progbits
public_to_test:
        call    public_to_replace
        ret
private_to_test:
        movl    $1, %eax
        ret
        .section .text.replaced, "ax", @progbits
public_to_replace:
        call    nowhere
        ret
private_to_replace:
        call    nowhere
        ret
        .section .text.tested, "ax", @progbits
# Assemblers make other references to a file's own symbol into ones to its section.
private_seen_by_test:
        movq    private_to_replace@GOTPCREL(%rip), %rax
        ret
        .size   private_seen_by_test, . - private_seen_by_test
        .data
        .globl  public_seen_by_test
        .type   public_seen_by_test, @object
public_seen_by_test:  .quad public_to_replace
        .size   public_seen_by_test, 8
        .weak   twice
        .type   twice, @object
twice:  .quad   {weak}
        .size   twice, 8
"""
HARNESS = """
        .text
        .globl  main, public_to_replace, private_to_replace
        .type   main, @function
        .type   public_to_replace, @function
        .type   private_to_replace, @function
main:   call    public_to_test
        call    private_to_test
        movq    twice(%rip), %rax
        ret
public_to_replace:
        ret
private_to_replace:
        ret
        .data
        .globl  seen
        .type   seen, @object
seen:   .quad   public_to_replace, private_to_replace, twice, public_seen_by_test, private_seen_by_test
        .size   seen, 40
# jitlink-check: *{8}seen = *{8}public_seen_by_test
# jitlink-check: decode_operand(private_seen_by_test, 4) + next_pc(private_seen_by_test) = *{8}(seen + 8)
# jitlink-check: *{8}twice = {weak}
"""


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """The rules, two tested objects, of which the second has another weak definition, and the harness."""
    rules = HARNESS.replace("{weak}", "0x1111")
    (tmp_path / "harness.s").write_text(rules)
    texts = {
        "tested.o": TESTED.replace("{weak}", "0x1111"),
        "other.o": ".data\n.weak twice\n.type twice, @object\ntwice: .quad 0x2222\n.size twice, 8\n",
        "harness.o": rules,
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(assemble(text))
    return [tmp_path / name for name in ("harness.s", *texts)]


def words(files: list[Path]) -> list[str]:
    rules, tested, other, harness = map(str, files)
    return ["-noexec", f"-check={rules}", "-entry=seen", tested, other, "-phony-externals", "-harness", harness]


def test_names_are_promoted_and_replaced(files: list[Path]) -> None:
    assert uruk_jitlink(*words(files)) == Done(0, "", "")
    assert llvm_jitlink(*words(files)).status == 0


def test_rules_that_are_wrong_are_noticed(files: list[Path]) -> None:
    files[0].write_text(files[0].read_text().replace("= 0x1111", "= 0x2222"))
    assert uruk_jitlink(*words(files)).status == 1
    assert llvm_jitlink(*words(files)).status == 1


def test_without_a_harness_names_are_files_own(files: list[Path]) -> None:
    rules, tested, other, harness = map(str, files)
    done = uruk_jitlink("-noexec", "-entry=main", tested, other, harness)
    assert done.status == 1
    assert "Duplicate definition of symbol 'public_to_replace'" in done.err
    assert rules not in done.err


def test_private_functions_run(files: list[Path]) -> None:
    """What a program has is linked whole, so that the name in replaced functions needs a value; a call would crash."""
    _, tested, other, harness = map(str, files)
    assert run("-oop-executor", "-abs=nowhere=0", tested, other, "-harness", harness) == Done(0x11, "", "")


def test_a_harness_that_is_not_there(files: list[Path]) -> None:
    done = uruk_jitlink("-noexec", str(files[1]), "-harness", "nowhere.o")
    assert (done.status, done.out) == (1, "")
    assert "nowhere.o" in done.err
