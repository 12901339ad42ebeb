"""Functions that wine's DLLs lack: programs that refer to them run, as natively, and end at a call."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from c_compilers import ZIG, environment
from native_programs import gxx_folders, run, run_linked

import uruk

from support.coff_objects import compiled_text
from support.coff_objects import run as run_tool
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

CHECKED = """
    #include <stdio.h>
    static int sum(const int *p, int n) { int all = 0; for (int i = 0; i < n; i++) all += p[i]; return all; }
    int main(int argc, char **argv) {
        int numbers[] = {1, 2, 0x7fffffff};
        printf("%d\\n", sum(numbers, argc + 1));
        fflush(stdout);
        return 5;
    }
"""
CALLS = """
    void RtlReportSilentProcessExit(void *process, int status);
    int main(int argc, char **argv) {
        if (argc > 1) RtlReportSilentProcessExit(0, 3);
        return 6;
    }
"""


def test_a_program_with_checks_of_zig(wine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of -O0 come from a library that refers to a function of ntdll that wine 8 lacks."""
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", environment()["ZIG_GLOBAL_CACHE_DIR"])
    (tmp_path / "checked.c").write_text(CHECKED)
    for output in ("checked.obj", "checked.exe"):
        options = ["-c"] if output.endswith(".obj") else []
        command = [*ZIG, "-O0", *options, "-o", output, "checked.c"]
        subprocess.run(command, cwd=tmp_path, check=True, timeout=900, capture_output=True)
    native = run(["wine", tmp_path / "checked.exe"])
    assert native == ("3\r\n", "", 5)
    assert run_linked([tmp_path / "checked.obj"], []) == native
    wrong = run_linked([tmp_path / "checked.obj"], ["more"])
    assert "signed integer overflow: 3 + 2147483647 cannot be represented in type 'int'" in wrong.stderr
    assert wrong.status == run(["wine", tmp_path / "checked.exe", "more"]).status


def test_a_call_ends_the_process(wine: Path, tmp_path: Path) -> None:
    path = compiled_text(tmp_path, "gcc-O2", "calls.c", CALLS)
    imports = tmp_path / "imports.lib"
    (tmp_path / "imports.def").write_text("LIBRARY ntdll.dll\nEXPORTS\n RtlReportSilentProcessExit\n")
    tool = [require_tool("llvm-dlltool-19"), "-m", "i386:x86-64", "-l", str(imports)]
    run_tool([*tool, "-d", str(tmp_path / "imports.def")])
    assert run_linked([path, imports], []) == ("", "", 6)
    result = run_linked([path, imports], ["call"])
    assert "to unimplemented function ntdll.dll.RtlReportSilentProcessExit" in result.stderr
    assert "by a call of a function that wine does not have (0x80000100) in main" in result.stderr


def test_a_dll_that_is_not_wines_must_have_it(wine: Path, tmp_path: Path) -> None:
    imports = tmp_path / "imports.lib"
    (tmp_path / "imports.def").write_text("LIBRARY libwinpthread-1.dll\nEXPORTS\n RtlReportSilentProcessExit\n")
    tool = [require_tool("llvm-dlltool-19"), "-m", "i386:x86-64", "-l", str(imports)]
    run_tool([*tool, "-d", str(tmp_path / "imports.def")])
    text = "void RtlReportSilentProcessExit(void); void calls(void) { RtlReportSilentProcessExit(); }"
    with uruk.LLJIT(executor=uruk.spawn(target="x86_64-windows")) as jit:
        jit.main.add_shared_library(gxx_folders()[-1] / "libwinpthread-1.dll")
        jit.add_archive(imports)
        jit.add_object(compiled_text(tmp_path, "gcc-O2", "calls.c", text))
        with pytest.raises(uruk.UndefinedSymbols, match=r"from libwinpthread-1\.dll, which has no export"):
            jit.lookup("calls")
