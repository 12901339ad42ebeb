"""The same objects in LLVM's tool and in uruk's: symbols have the same addresses, and sections the same bytes.

Bytes are read by rules that are false, whose values both tools print. What differs stands in `MASKED`.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from jitlink.running import Done, llvm_jitlink, uruk_jitlink

from support.compiling import Compile
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

C = """
#include <stddef.h>
extern int printf(const char *, ...); extern void *malloc(size_t); extern double sqrt(double);
typedef struct node { struct node *next; int value; double w; } node;
static node pool[16]; int counter = 7; static int hidden; const char *const names[] = {"one", "two", "three"};
char buffer[4096]; __attribute__((aligned(64))) char wide[128]; const double table[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static int helper(int a, int b) { return a * b + hidden++; }
__attribute__((noinline)) static node *make(int v) {
    node *n = malloc(sizeof *n); n->value = v; n->w = sqrt(v); n->next = &pool[v & 15]; return n;
}
int choose(int k) { switch (k) { case 0: return 5; case 1: return counter; case 2: return 77;
    case 3: return helper(k, 2); case 4: return 9; case 5: return 12; default: return -1; } }
float scaled(float a) { return a * 3.25f + 1.5f; }
__attribute__((section("mysec"))) int in_section = 4; extern int __start_mysec[], __stop_mysec[];
int (*pointer)(int) = choose;
int main(int argc, char **argv) {
    int t = 0;
    for (int i = 0; i < argc; i++) { t += choose(i) + make(i)->value; printf("%s %d\\n", names[i % 3], t); }
    return t + (int)table[argc & 7] + buffer[3] + wide[2] + (int)scaled(t) + pointer(3)
        + (int)(__stop_mysec - __start_mysec) + in_section;
}
"""
CPP = """
extern "C" int printf(const char *, ...);
struct B { virtual int f() { return 1; } virtual ~B() {} int v[3]; };
struct D : B { int f() override { return 2 + v[1]; } };
template<class T> T add(T a, T b) { static T last; last = a; return a + b + last; }
inline int counter() { static int c; return ++c; }
int thrower(int x) { if (x > 2) throw x; return x; }
B *make(int k) { return k ? new D : new B; }
const char *text = "text"; extern const int constant = 5; const int *pointer = &constant;
int main(int argc, char **) {
    int r = 0;
    try { r = thrower(argc); } catch (int e) { r = e; }
    B *b = make(argc); r += b->f() + add(1, 2) + (int)add(1.5, 2.5) + counter();
    printf("%s %d\\n", text, r + *pointer); delete b; return r;
}
"""
BASES = ("0x0", "0xfff00000", "0x12345")
SYMBOL = re.compile(r'    "(.*)": (0x[0-9a-f]+) \[')
VALUE = re.compile(r"Expression '\*\{1\}\(section_addr\([^,]*, (\S+)\)\+(\d+)\) = .*' is false: (0x[0-9a-f]+) ")
MASKED = re.compile(r"R_(X86_64_(PLT32|(REX_)?GOTPCREL\w*)|AARCH64_(CALL26|JUMP26|ADR_GOT_PAGE|LD64_GOT_LO12_NC))$")
"""Relocations whose fields are compared by nobody: JITLink puts stubs and slots of one size in an order that depends on
where it happened to allocate them (it sorts blocks by section, address and size, which are equal)."""


def objects(cc: Compile, tmp_path: Path, language: str) -> list[Path]:
    """The same source by several compilers, for both targets."""
    text = C if language == "c" else CPP
    made = [
        cc(text, level, pic, family=family, language=language, name=f"unit{level}{pic}")
        for family in ("gcc", "clang") for level in ("-O0", "-O2") for pic in ("-fPIC", "-fno-pic", "-fPIE")
    ]  # fmt: skip
    source = tmp_path / f"unit.{language}"
    source.write_text(text)
    for number, (level, pic) in enumerate((("-O0", "-fPIC"), ("-O1", "-fno-pic"), ("-O2", "-fPIE"))):
        gcc = "aarch64-linux-gnu-gcc" if language == "c" else "aarch64-linux-gnu-g++"
        clang = "clang-19" if language == "c" else "clang++-19"
        for name, command in (("g", [gcc]), ("l", [clang, "--target=aarch64-linux-gnu"])):
            output = tmp_path / f"arm{name}{number}.o"
            subprocess.run(
                [require_tool(command[0]), *command[1:], level, pic, "-c", "-w", source, "-o", output], check=True
            )
            made.append(output)
    return made


def slab(base: str) -> list[str]:
    return ["-noexec", "-phony-externals", "-slab-allocate=256Kb", f"-slab-address={base}", "-slab-page-size=4096"]


def symbols(done: Done) -> dict[str, str]:
    return dict(match.groups() for match in map(SYMBOL.match, done.out.splitlines()) if match)


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_addresses(cc: Compile, tmp_path: Path, language: str) -> None:
    """Or both refuse the object: code for low addresses does not link at high ones."""
    linked = 0
    for path in objects(cc, tmp_path, language):
        for base in BASES:
            words = [*slab(base), path, "-show-entry-es"]
            theirs, ours = llvm_jitlink(*words), uruk_jitlink(*words)
            assert theirs.status == ours.status, (path, base, theirs.err, ours.err)
            if not ours.status:
                assert symbols(theirs) == symbols(ours), (path, base)
                assert symbols(ours)["main"]
                linked += 1
    assert linked >= 40


def rules_for(path: Path) -> tuple[str, set[tuple[str, int]]]:
    """A false rule for each byte of each section that has symbols, and the bytes that are masked."""
    read = subprocess.run([require_tool("readelf"), "-SrW", path], capture_output=True, text=True, check=True).stdout
    sections = re.findall(r"\] (\S+) +(?:PROGBITS|X86_64_UNWIND) +\S+ \S+ (\S+) \S+ +\S*A\S* ", read)
    masked: set[tuple[str, int]] = set()
    section = ""
    for line in read.splitlines():
        if match := re.match(r"Relocation section '\.rela(\S+)'", line):
            section = match.group(1)
        elif (match := re.match(r"([0-9a-f]{16}) +\S+ (R_\S+)", line)) and MASKED.match(match.group(2)):
            # Four bytes of the field, and, where it may be relaxed, the two in front of it.
            masked |= {(section, int(match.group(1), 16) + byte) for byte in range(-2, 4)}
    rules = [
        f"# jitlink-check: *{{1}}(section_addr({path.name}, {name})+{byte}) = 0x100"
        for name, size in sections for byte in range(int(size, 16)) if name != ".init_array"
    ]  # fmt: skip
    return "\n".join(rules) + "\n", masked


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_bytes(cc: Compile, tmp_path: Path, language: str) -> None:
    compared = 0
    for number, path in enumerate(objects(cc, tmp_path, language)):
        text, masked = rules_for(path)
        rules = tmp_path / f"rules{number}.txt"
        rules.write_text(text)
        base = BASES[number % 3]
        words = [*slab(base), path, f"-check={rules}"]
        theirs, ours = ({match.groups()[:2]: match.group(3) for match in VALUE.finditer(tool(*words).err)}
                        for tool in (llvm_jitlink, uruk_jitlink))  # fmt: skip
        keys = [key for key in theirs if (key[0], int(key[1])) not in masked]
        assert {key: theirs[key] for key in keys} == {key: ours.get(key) for key in keys}, (path, base)
        compared += len(keys)
    assert compared > 10_000


def test_rules(cc: Compile, tmp_path: Path) -> None:
    """Both tools agree about rules that hold, and about those that do not (LLVM's refuses blanks behind numbers)."""
    path = cc("extern int far; static int near = 4; int *p = &near; int main(void) { return far + *p; }", "-fPIC",
              name="unit")  # fmt: skip
    rules = tmp_path / "rules.txt"
    words = [*slab("0xfff00000"), "-abs=far=0x123456789abc", path, f"-check={rules}"]
    for text in (
        "*{8}(got_addr(unit.o, far)) = far", "*{8}(got_addr(unit.o, far)) = far + 1",
        "*{8}p = section_addr(unit.o, .data)",
        "next_pc(main) - main = 1", "decode_operand(main, 9) = 1", "nobody = 1", "1+2<<3 = 24",
        "0xff[7:4] = 0xf", "far[47:32] = 0x1234", "got_addr(unit.o, nobody) = 1", "section_addr(none.o, .text) = 1",
        "*{4}p+4 = 0", "(1+2)<<1|1 = 7", "10-3-2 = 5", "p[31:0] - 1 = p[31:0] - 1",
    ):  # fmt: skip
        rules.write_text(f"# jitlink-check: {text}\n")
        assert llvm_jitlink(*words).status == uruk_jitlink(*words).status, text
