"""CIEs and FDEs with one thing wrong, linked and never run: refused, or harmless to whatever throws, and to removal."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from uruk import LLJIT
from uruk.errors import ObjectFormatError
from uruk.orc.registry.options import Options
from uruk.passes.state import State

from support import sample_objects

pytestmark = [pytest.mark.quick, pytest.mark.any_interpreter]

HERE = Path(__file__).parent
PCREL4 = ".byte 0x1b"
BEGIN4 = ".long entry - ."
LENGTH4 = ".long .Lend - entry"


@dataclass(frozen=True)
class Frame:
    """An object with one function, one CIE and one FDE, as assembly; a sound one by default."""

    version: int = 1
    letters: str = "zR"
    sizes: str = ""
    """What a CIE of version 4 has behind its augmentation."""
    factors: str = ".uleb128 1; .sleb128 -8"
    register: str = ".uleb128 {register}"
    data: str = PCREL4
    """The CIE's augmentation data, with its length before it where the letters begin with z."""
    instructions: str = ".byte 0x0c, 7, 8, 0x90, 1"
    begin: str = BEGIN4
    length: str = LENGTH4
    fde: str = ".uleb128 0"
    more: str = ""

    def text(self, register: int, end: str) -> str:
        data = f".uleb128 2f - 1f; 1: {self.data}; 2:" if self.letters.startswith("z") else self.data
        return f"""
        .text
        .globl entry
entry:  {end}
.Lend:  nop
        .globl beside
beside: {end}
        .section .eh_frame, "a", %progbits
.Lcie:  .long .Lcie_end - .Lcie_begin
.Lcie_begin:
        .long 0
        .byte {self.version}
        .ascii "{self.letters}\\0"
        {self.sizes}
        {self.factors}
        {self.register.format(register=register)}
        {data}
        {self.instructions}
        .balign 4
.Lcie_end:
        .long .Lfde_end - .Lfde
.Lfde:  .long .Lfde - .Lcie
        {self.begin}
        {self.length}
        {self.fde}
        .balign 4
.Lfde_end:
        {self.more}
"""


ENCODING = "augmentation {} has the pointer encoding {:#04x}"
FORM = "not for code inside the section"
REFUSED: dict[str, tuple[Frame, str]] = {
    "version-0": (Frame(version=0), "version 0"),
    "version-2": (Frame(version=2), "version 2"),
    "version-5": (Frame(version=5), "version 5"),
    "version-77": (Frame(version=77), "version 77"),
    "address-size": (Frame(version=4, sizes=".byte 4, 0"), "addresses of 4 bytes"),
    "segment-size": (Frame(version=4, sizes=".byte 8, 2"), "segments of 2"),
    "letters": (Frame(letters="zQ"), "unknown augmentation"),
    "letters-without-z": (Frame(letters="R"), "unknown augmentation"),
    "letters-eh": (Frame(letters="eh", data=".quad 0"), "unknown augmentation"),
    "letters-twice": (Frame(letters="zRR", data=".byte 0x1b, 0"), "unknown augmentation"),
    "letters-without-end": (Frame(letters="z" + 40 * "R", data="", instructions=""), "unknown augmentation"),
    "letters-behind-S": (Frame(letters="zSR"), "has R behind"),
    "no-data": (Frame(data=""), "ends too early"),
    "data-past-the-end": (Frame(register=".uleb128 16; .uleb128 100"), "ends too early"),
    "register": (Frame(register=".uleb128 127"), "register 127"),
    "register-3": (Frame(version=3, register=".uleb128 1000"), "register 1000"),
    "number": (Frame(factors=".fill 12, 1, 0x81; .byte 0, 0"), "more than 64 bits"),
    "number-without-end": (Frame(letters="", data="", instructions=".byte 0x0e, 0x80, 0x80"), "ends too early"),
    "instruction-1": (Frame(instructions=".byte 0x01; .quad 0"), "instruction 0x01"),
    "instruction-17": (Frame(instructions=".byte 0x17"), "instruction 0x17"),
    "instruction-3f": (Frame(instructions=".byte 0x3f"), "instruction 0x3f"),
    "expression": (Frame(instructions=".byte 0x0f, 99"), "ends too early"),
    "restored-state": (Frame(instructions=".byte 0x0b"), "has not remembered"),
    "length-2": (Frame(length=".long 0x7fffffff"), FORM),
    "length-negative": (Frame(length=".long 0x80000000"), FORM),
    "length-of-others": (Frame(length=".long 64"), FORM),
    "begin-before": (Frame(begin=".long entry - . - 16"), FORM),
    "begin-behind": (Frame(begin=".long entry - . + 64"), FORM),
    "begin-absolute": (Frame(begin=".quad entry", length=".quad 1"), FORM),
    "begin-of-half-the-size": (
        Frame(data=".byte 0x1c", begin=".long entry - ., 0", length=".quad 1"), FORM
    ),
    "begin-twice": (Frame(more=".reloc .Lfde + 4, R_X86_64_PC32, beside"), FORM),
    "length-relocated": (Frame(more=".reloc .Lfde + 8, R_X86_64_32, beside"), "not an address"),
    "cie-relocated": (Frame(more=".reloc .Lcie + 8, R_X86_64_32, beside"), "not an address"),
    "data-relocated": (Frame(more=".reloc .Lfde + 12, R_X86_64_32, beside"), "not an address"),
    "got-load": (
        Frame(fde=".byte 0; .zero 7; .reloc ., R_X86_64_REX_GOTPCRELX, beside; .long 0"), "not an address"
    ),
    "personality-relocated-elsewhere": (
        Frame(letters="zPR", data=".byte 0x9b; .long 0; .byte 0x1b", more=".reloc .Lcie + 19, R_X86_64_PC32, beside"),
        "not an address",
    ),
    "fde-length": (Frame(fde=".uleb128 4"), "too short"),
    "fde-long-length": (Frame(fde=".uleb128 1000"), "too short"),
    "fde-endless-length": (Frame(fde=".fill 12, 1, 0xff"), "too short"),
    "fde-without-lsda": (Frame(letters="zLR", data=".byte 0x1b, 0x1b"), "too short"),
    "fde-with-half-an-lsda": (Frame(letters="zLR", data=".byte 0x1b, 0x1b", fde=".uleb128 2; .short 0"), "too short"),
    "fde-without-length": (Frame(data=".byte 0x1c", length="", fde=""), "too short"),
    **{
        f"fde-{encoding:#04x}": (Frame(data=f".byte {encoding}"), ENCODING.format("R", encoding))
        for encoding in (0x01, 0x05, 0x06, 0x07, 0x09, 0x0D, 0x0F, 0x11, 0x2B, 0x3B, 0x4B, 0x50, 0x6B, 0x7B, 0x9B, 0xFF)
    },
    **{
        f"lsda-{encoding:#04x}": (Frame(letters="zLR", data=f".byte {encoding}, 0x1b"), ENCODING.format("L", encoding))
        for encoding in (0x01, 0x0D, 0x19, 0x6B, 0x7F)
    },
    **{
        f"personality-{encoding:#04x}": (
            Frame(letters="zPR", data=f".byte {encoding}; .quad 0; .byte 0x1b"), ENCODING.format("P", encoding)
        )
        for encoding in (0x01, 0x0D, 0x50, 0x6B, 0xFF)
    },
    "personality-past-the-end": (Frame(letters="zRP", data=".byte 0x1b, 0x9b, 0, 0"), "ends too early"),
}  # fmt: skip

HARMLESS: dict[str, Frame] = {
    "sound": Frame(),
    "version-3": Frame(version=3),
    "version-4": Frame(version=4, sizes=".byte 8, 0"),
    "plain": Frame(letters="", data="", begin=".quad entry", length=".quad .Lend - entry", fde=""),
    "plain-with-instructions": Frame(
        letters="", data="", begin=".quad entry", length=".quad .Lend - entry", fde=".byte 0x41, 0x0e, 16"
    ),
    "data-of-128-bytes": Frame(fde=".uleb128 128; .fill 128"),
    "only-z": Frame(letters="z", data="", begin=".quad entry", length=".quad .Lend - entry"),
    "signal": Frame(letters="zRS"),
    "key-and-tag": Frame(letters="zRSBG"),
    "relative-8": Frame(data=".byte 0x1c", begin=".quad entry - .", length=".quad .Lend - entry"),
    "lsda-omitted": Frame(letters="zLR", data=".byte 0xff, 0x1b"),
    "lsda": Frame(letters="zLR", data=".byte 0x1b, 0x1b", fde=".uleb128 4; .long beside - ."),
    "lsda-null": Frame(letters="zLR", data=".byte 0x1b, 0x1b", fde=".uleb128 4; .long 0"),
    "personality": Frame(letters="zPR", data=".byte 0x1b; .long beside - .; .byte 0x1b"),
    "more-data": Frame(data=".byte 0x1b, 1, 2, 3"),
    "long-data-length": Frame(fde=".uleb128 200; .zero 200"),
    "padded-data-length": Frame(fde=".byte 0x84, 0x80, 0; .zero 4"),
    "padded-data-length-up-to-the-end": Frame(fde=".byte 0x85, 0x80, 0; .zero 5"),
    **{
        f"lsda-{encoding:#04x}": Frame(
            letters="zLR", data=f".byte {encoding}, 0x1b", fde=f".uleb128 {size}; .zero {size}"
        )
        for encoding, size in ((0, 8), (2, 2), (3, 4), (4, 8), (0x0A, 2), (0x0B, 4), (0x0C, 8), (0x92, 2), (0x1C, 8))
    },
    "instructions": Frame(
        instructions=".byte 0x0a, 0x0b, 0x05, 3, 1, 0x08, 4, 0x0f, 1, 0x30, 0x2e, 4, 0x2d, 0x41, 0xc3, 0x02, 1"
    ),
    "no-code": Frame(length=".long 0"),
    "address-in-instructions": Frame(fde=".uleb128 0; .byte 1; .long .Lend - ."),
    "of-nobody": Frame(begin=".long 0"),
    "of-an-absolute-symbol": Frame(begin=".long fixed - .", length=".long 0x7fffffff", more=".globl fixed; fixed = 0"),
}


LAID_OUT_ANEW = {
    "long-data-length",
    "data-of-128-bytes",
    "padded-data-length",
    "padded-data-length-up-to-the-end",
    "of-nobody",
    "of-an-absolute-symbol",
}
"""Harmless ones that are not kept as they are."""


def assembled(folder: Path, name: str, text: str, *compiler: str) -> Path:
    (folder / f"{name}.s").write_text(text)
    sample_objects.run(folder, *(compiler or ("gcc",)), "-c", f"{name}.s", "-o", f"{name}.o")
    return folder / f"{name}.o"


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What came of all cases, in one process that throws and removes after each."""
    folder = tmp_path_factory.mktemp("frames")
    thrower = str(sample_objects.build_thrower(folder))
    cases = {name: frame for name, (frame, _) in REFUSED.items()} | HARMLESS
    objects = [str(assembled(folder, name, frame.text(16, "ret"))) for name, frame in cases.items()]
    command = [sys.executable, str(HERE / "frames_child.py"), thrower, *objects]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parents[1] / "src")])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert done.returncode == 0, f"{done.stdout[-300:]}\n{done.stderr[-2000:]}"
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, outcomes: dict[str, str]) -> None:
    assert outcomes[name].startswith("refused section `.eh_frame'+0x")
    assert REFUSED[name][1] in outcomes[name]


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(name: str, outcomes: dict[str, str]) -> None:
    assert outcomes[name] == "harmless"


def refusal(source: bytes, architecture: str = "") -> str:
    """Why an object is refused; empty if it is not."""
    options = Options(execute=False, phony_externals=True, architecture=architecture)
    with LLJIT(options=options) as jit:
        jit.add_object(source, "hostile.o")
        try:
            jit.lookup("entry")
        except ObjectFormatError as error:
            return error.problem
        return ""


@pytest.mark.parametrize("name", [*REFUSED, *HARMLESS])
def test_many_records_are_read_as_few_are(name: str, tmp_path: Path) -> None:
    """With more sound records than are looked through one by one."""
    frame, problem = REFUSED[name] if name in REFUSED else (HARMLESS[name], "")
    text = frame.text(16, "ret") + (
        '.section .text.more, "ax"; .rept 60; .cfi_startproc; nop; .cfi_def_cfa_offset 16; nop; .cfi_endproc; .endr\n'
    )
    data = assembled(tmp_path, name, text).read_bytes()
    reason = refusal(data)
    assert problem in reason
    assert bool(problem) == bool(reason)


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (Frame(letters="zRB"), ""),
        (Frame(letters="zRG"), ""),
        (Frame(instructions=".byte 0x0c, 31, 0, 0x2d"), ""),
        (Frame(register=".uleb128 97"), "register 97"),
        (Frame(data=".byte 0x0d"), ENCODING.format("R", 0x0D)),
        (Frame(length=".long 64"), FORM),
        (Frame(fde=".uleb128 4"), "too short"),
    ],
    ids=str,
)
def test_aarch64(frame: Frame, problem: str, tmp_path: Path) -> None:
    data = assembled(tmp_path, "frame", frame.text(30, "ret"), "aarch64-linux-gnu-gcc").read_bytes()
    assert problem in refusal(data, "aarch64")
    assert bool(problem) == bool(refusal(data, "aarch64"))


def test_an_fde_for_a_function_that_another_object_defines_is_left_out(tmp_path: Path) -> None:
    """A weak definition lost to another one: its unwind data would speak for that."""
    weak = Frame(length=".long 1", more=".weak entry").text(16, "ret").replace(".globl entry", "")
    strong = Frame().text(16, "ret").replace("beside", "other")
    with LLJIT() as jit:
        first = jit.add_object(assembled(tmp_path, "strong", strong))
        second = jit.add_object(assembled(tmp_path, "weak", weak))
        jit.lookup("entry")
        jit.lookup("beside")
        assert len(first.resources.frames) + len(first.resources.entries) == 1
        assert second.resources.frames == second.resources.entries == []


def is_kept_whole(data: Path | bytes, name: str = "entry") -> bool:
    """True if an object's unwind data is linked as it stands in the file."""
    kept: list[bool] = []

    def look(state: State) -> None:
        kept.append(0 <= state.synthetic["unwind"][0] < len(state.graph.blocks))

    with LLJIT(options=Options(execute=False, phony_externals=True)) as jit:
        jit.session.hooks["post-fixup"] = [look]
        jit.add_object(data, "object.o")
        jit.lookup(name)
    return kept[0]


@pytest.mark.parametrize("name", HARMLESS)
def test_small_unwind_data_is_kept_whole(name: str, tmp_path: Path) -> None:
    """It is looked through record by record, which costs less than laying it out anew."""
    assert is_kept_whole(assembled(tmp_path, name, HARMLESS[name].text(16, "ret"))) == (name not in LAID_OUT_ANEW)


@pytest.mark.parametrize("name", ["gcc", "clang", "cpp", "cpp-clang", "tls", "rustc"])
def test_unwind_data_of_compilers_is_kept_whole(name: str, objects: dict[str, bytes]) -> None:
    """With several CIEs, personality routines and language-specific data among them."""
    assert is_kept_whole(objects[name], "_Z5entryi" if name.startswith("cpp") else "entry")
