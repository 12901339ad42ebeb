"""Small objects of several compilers, made from the sources here; what hostile tests break."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from support.requirements import require_tool

StillWorks = Callable[[], None]
"""Links and runs a good object in the session that had the hostile one."""

C_SOURCE = """
extern int printf(const char *, ...);
static int hidden[4];
int counter = 3;
int *pointer = &counter;
int shared_buffer[8];
static int twice(int x) { return 2 * x; }
int (*table[2])(int) = { twice, twice };
__attribute__((constructor)) static void begin(void) { counter++; }
int entry(int x) { hidden[x & 3]++; return printf("%d", counter) + table[x & 1](x) + hidden[0]; }
"""
TLS_SOURCE = """
_Thread_local int here = 5;
static _Thread_local int zero;
extern _Thread_local int elsewhere_[2];
_Thread_local int elsewhere_[2];
int entry(int x) { zero += x; elsewhere_[0]++; return here + zero; }
"""
CPP_SOURCE = """
struct Base { virtual ~Base() {} virtual int value() const { return 1; } };
template <class T> struct Box : Base { T item; int value() const override { return sizeof(T); } };
inline int shared_inline(int x) { static int calls; return calls += x; }
extern void unknown(Base &);
int entry(int x) {
  Box<long> box;
  try { unknown(box); } catch (int code) { return code; }
  return box.value() + shared_inline(x);
}
"""
RUST_SOURCE = """
#![no_std]
#[no_mangle]
pub extern "C" fn entry(x: i32) -> i32 { helper(x).wrapping_mul(3) }
#[inline(never)]
fn helper(x: i32) -> i32 { unsafe { CELL = CELL.wrapping_add(x); CELL } }
static mut CELL: i32 = 7;
"""
LINKONCE_SOURCE = """
__attribute__((section(".gnu.linkonce.t.shared"))) int shared(int x) { return x + 1; }
__attribute__((section(".gnu.linkonce.d.value"))) int value = 3;
int entry(int x) { return shared(x) + value; }
"""
THROWER_SOURCE = 'extern "C" int throw_and_catch(int x) { try { throw x; } catch (int y) { return y; } }'
SECOND_SOURCE = "int counter; extern int entry(int); int second(void) { return entry(counter); }"


def run(folder: Path, *command: str) -> None:
    """Run a build command; its output is shown if it fails."""
    done = subprocess.run([require_tool(command[0]), *command[1:]], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stderr}"


def compiled(folder: Path, name: str, compiler: str, source: str, *flags: str) -> bytes:
    """Compile one source and return the object's bytes."""
    suffix = {"g++": "cpp", "clang++-19": "cpp", "rustc": "rs"}.get(compiler, "c")
    (folder / f"{name}.{suffix}").write_text(source)
    if compiler == "rustc":
        flags = ("--crate-type=lib", "--emit=obj", "-Cpanic=abort", "--edition=2021", "-Awarnings", *flags)
    else:
        flags = ("-c", *flags)
    run(folder, compiler, *flags, f"{name}.{suffix}", "-o", f"{name}.o")
    return (folder / f"{name}.o").read_bytes()


def build_aarch64(folder: Path) -> dict[str, bytes]:
    """Some of them for AArch64, in its code models."""
    gcc, clang = "aarch64-linux-gnu-gcc", ("clang-19", "--target=aarch64-linux-gnu")
    found = {
        "gcc": compiled(folder, "gcc", gcc, C_SOURCE, "-O1", "-fPIC"),
        "tiny": compiled(folder, "tiny", gcc, C_SOURCE, "-O1", "-mcmodel=tiny", "-fno-pie"),
        "large": compiled(folder, "large", gcc, C_SOURCE, "-O1", "-mcmodel=large", "-fno-pie"),
        "tls": compiled(folder, "tls", gcc, TLS_SOURCE, "-O1", "-fPIC"),
        "local-exec": compiled(folder, "local-exec", gcc, TLS_SOURCE, "-O1", "-ftls-model=local-exec"),
        "clang": compiled(folder, "clang", clang[0], C_SOURCE, clang[1], "-O1", "-ffunction-sections"),
    }
    return {**found, "good": found["gcc"]}


def build(folder: Path) -> dict[str, bytes]:
    """All fixtures, by name. `entry` is defined in each."""
    found = {
        "gcc": compiled(folder, "gcc", "gcc", C_SOURCE, "-O1", "-fPIC"),
        "gcc-sections": compiled(
            folder, "gcc-sections", "gcc", C_SOURCE, "-O2", "-ffunction-sections", "-fdata-sections", "-fcommon"
        ),
        "clang": compiled(folder, "clang", "clang-19", C_SOURCE, "-O1", "-fcommon"),
        "rustc": compiled(folder, "rustc", "rustc", RUST_SOURCE, "-O"),
        "tls": compiled(folder, "tls", "gcc", TLS_SOURCE, "-O1", "-fPIC"),
        "tls-descriptors": compiled(folder, "tls-descriptors", "gcc", TLS_SOURCE, "-O1", "-fPIC", "-mtls-dialect=gnu2"),
        "tls-static": compiled(folder, "tls-static", "clang-19", TLS_SOURCE, "-O1"),
        "cpp": compiled(folder, "cpp", "g++", CPP_SOURCE, "-O1"),
        "crel": compiled(folder, "crel", "clang-19", C_SOURCE, "-O1", "-Wa,--crel,--allow-experimental-crel"),
        "linkonce": compiled(folder, "linkonce", "gcc", LINKONCE_SOURCE, "-O1", "-fPIC"),
        "cpp-clang": compiled(folder, "cpp-clang", "clang++-19", CPP_SOURCE, "-O1", "-fPIC"),
    }
    compiled(folder, "second", "gcc", SECOND_SOURCE, "-O1", "-fcommon")
    run(folder, "ld", "-r", "cpp.o", "second.o", "-o", "joined.o")
    found["ld-r"] = (folder / "joined.o").read_bytes()
    return found


def build_thrower(folder: Path) -> Path:
    """A library whose `throw_and_catch` throws and returns its argument: what is registered then is read."""
    (folder / "thrower.cc").write_text(THROWER_SOURCE)
    run(folder, "g++", "-shared", "-fPIC", "thrower.cc", "-o", "libthrower.so")
    return folder / "libthrower.so"


def good(folder: Path) -> bytes:
    """An object whose `answer` returns 42 + its argument, to see that a session still works."""
    source = "static int base = 42; int answer(int x) { return base + x; }"
    return compiled(folder, "good", "gcc", source, "-O1", "-fPIC")
