"""Data that COFF's compilers put into every object under one name: each object has its own, and can go by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import uruk

from support.coff_objects import assembled, compiled_text
from support.windows_links import windows_session, word_at

pytestmark = pytest.mark.any_interpreter

SHARED = """
    extern int far_away;
    int *{name}_place(void) {{ return &far_away; }}
    double {name}_scaled(double x) {{ return x * 3.25; }}
    const char *{name}_text(void) {{ return "{text}"; }}
"""
ENDS = """
    struct Guard {{ ~Guard(); }};
    void {name}_work() noexcept {{ Guard guard; extern void other(); other(); }}
"""
OTHERS = "int far_away = 7; int _fltused; void other(void) {} int __gxx_personality_seh0; int _Unwind_Resume;"


@pytest.mark.parametrize("compiler", ["gcc-O2", "clang-gnu", "zig", "clang-msvc-O2", "clang-msvc-sections"])
@pytest.mark.parametrize("first", [0, 1])
def test_an_object_goes_before_the_others(tmp_path: Path, compiler: str, first: int) -> None:
    with windows_session() as jit:
        jit.add_object(compiled_text(tmp_path, compiler, "others.c", OTHERS, "-w"))
        trackers: list[uruk.ResourceTracker] = []
        for name in ("one", "two"):
            path = compiled_text(tmp_path, compiler, f"{name}.c", SHARED.format(name=name, text="same text"), "-w")
            trackers.append(jit.add_object(path))
            for function in ("place", "scaled", "text"):
                jit.lookup(f"{name}_{function}")
        assert trackers[first].remove().memory > 0
        assert trackers[1 - first].remove().memory > 0


@pytest.mark.parametrize("compiler", ["clang-gnu", "zig"])
def test_the_function_that_ends_a_program(tmp_path: Path, compiler: str) -> None:
    """Clang's ``__clang_call_terminate``, which is code."""
    with windows_session(phony=True) as jit:
        trackers: list[uruk.ResourceTracker] = []
        for name in ("one", "two"):
            trackers.append(jit.add_object(compiled_text(tmp_path, compiler, f"{name}.cc", ENDS.format(name=name))))
            jit.lookup(f"_Z{len(name) + 5}{name}_workv")
        trackers[0].remove()
        trackers[1].remove()


@pytest.mark.parametrize(
    ("name", "flags", "selection", "own"),
    [
        (".refptr.word", "dr", "discard", True),
        ("__real@3ff0000000000000", "dr", "discard", True),
        ("__xmm@00000000000000000000000000000001", "dr", "discard", True),
        ("??_C@_01PJCK@a?$AA@", "dr", "discard", True),
        (".refptr.word", "dw", "discard", False),
        (".refptr.word", "dr", "same_size", False),
        ("??_R0H@8", "dr", "discard", False),
        ("__clang_call_terminate", "xr", "discard", True),
        ("__real", "dr", "discard", False),
    ],
)  # fmt: skip
def test_which_are_kept(tmp_path: Path, name: str, flags: str, selection: str, own: bool) -> None:
    text = f'''
        .section .rdata$data,"{flags}",{selection},"{name}"
        .globl "{name}"
        "{name}": .quad 5
        .data
        .globl %s
        %s: .quad "{name}"
    '''
    with windows_session() as jit:
        for place in ("one", "two"):
            jit.add_object(assembled(tmp_path, place, text.replace("%s", place)))
        assert (word_at(jit, "one") != word_at(jit, "two")) is own
