"""Every section of COFF objects, linked where lld-link has put it, has lld-link's bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.coff_objects import COMPILERS, IS_GNU, SOURCES, compiled, others, run
from support.placed_by_lld import compare_with_lld, linked_by_lld
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

LEAST = 3
"""Sections that even the smallest set has."""


QUICK = {
    ("switches.c", "gcc-big"), ("weak.c", "gcc-O2"), ("imports.c", "clang-gnu"), ("large_frame.c", "clang-msvc-O0"),
    ("templates.cc", "clang-msvc-sections"), ("thrown.cc", "gcc-O2"),
}  # fmt: skip
"""One of each source's kind and of each compiler's way."""
ALL = [
    pytest.param(name, compiler, marks=[pytest.mark.quick] if (name, compiler) in QUICK else [])
    for name in SOURCES
    for compiler in COMPILERS
]


def test_there_are_sets_of_every_kind() -> None:
    kinds = {(name.endswith(".cc"), IS_GNU[compiler]) for name in SOURCES for compiler in COMPILERS}
    assert len(kinds) == 4
    assert len(ALL) >= 40


@pytest.mark.parametrize(("name", "compiler"), ALL)
def test_sections_have_the_bytes_of_lld(tmp_path: Path, name: str, compiler: str) -> None:
    objects = [compiled(tmp_path, name, compiler)]
    objects.append(others(tmp_path, objects))
    options = ["-lldmingw", "/exclude-all-symbols"] if IS_GNU[compiler] else []
    assert compare_with_lld(linked_by_lld(tmp_path, objects, *options), objects) >= LEAST


RUST = """
    #![no_std]
    pub trait Shape { fn area(&self) -> u32; fn twice(&self) -> u32 { self.area() * 2 } }
    pub struct Square(pub u32);
    pub struct Other(pub u32, pub u32);
    impl Shape for Square { fn area(&self) -> u32 { self.0 * self.0 } }
    impl Shape for Other { fn area(&self) -> u32 { self.0 * self.1 } }
    #[no_mangle] pub static mut COUNT: u32 = 5;
    #[no_mangle] pub static NAMES: [&str; 3] = ["one", "two", "three"];
    #[no_mangle] pub fn measured(kind: u32) -> u32 {
        let shapes: [&dyn Shape; 2] = [&Square(kind), &Other(kind, 3)];
        unsafe { COUNT += 1; }
        shapes[(kind & 1) as usize].twice() + NAMES[(kind % 3) as usize].len() as u32
    }
    #[no_mangle] pub fn indexed(numbers: &[u32], at: usize) -> u32 { numbers[at] / numbers[at + 1] }
    #[no_mangle] pub fn chosen(x: u32) -> char {
        match x { 0 => 'a', 1 => 'q', 2 => 'z', 3 => 'b', 4 => 'y', 5 => 'c', 6 => 'x', _ => '-' }
    }
"""
RUSTC = "/usr/bin/rustc"
"""Debian's, of the version that the standard library for Windows has (libstd-rust-dev-windows)."""


@pytest.mark.parametrize("options", [("0", "1"), ("1", "1"), ("3", "8")], ids=["O0", "O1", "O3"])
def test_objects_of_rustc(tmp_path: Path, options: tuple[str, str]) -> None:
    """`options`: the level of optimisation, and how many objects rustc divides the source among."""
    source = tmp_path / "part.rs"
    source.write_text(RUST)
    level, units = options
    command = [require_tool(RUSTC), "--target", "x86_64-pc-windows-gnu", "--crate-type", "rlib", str(source)]
    words = ["-C", f"opt-level={level}", "-C", f"codegen-units={units}", "-o", str(tmp_path / "libpart.rlib")]
    run([*command, *words])
    archive = str(tmp_path / "libpart.rlib")
    run([require_tool("llvm-ar-19"), "x", "--output", str(tmp_path), archive])
    objects = sorted(path for path in tmp_path.iterdir() if path.suffix == ".o")
    assert objects
    objects.append(others(tmp_path, objects))
    assert compare_with_lld(linked_by_lld(tmp_path, objects, "-lldmingw", "/exclude-all-symbols"), objects) >= LEAST
