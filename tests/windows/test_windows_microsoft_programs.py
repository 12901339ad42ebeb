"""Programs of Microsoft's kind, as clang compiles them: they do what lld-link's program of the same objects does.

There is no SDK: the programs declare what they call, and the native ones get a start of their own (native_start.c), and
from uruk's archive what Microsoft's static libraries would have.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from native_programs import PROGRAMS, compile_parts, names_of, run, run_linked

from uruk.runtime_files import runtime_archive

from support.coff_objects import MSVC
from support.requirements import require_tool

pytestmark = pytest.mark.any_interpreter

IMPORTS = {
    "kernel32": """
        AcquireSRWLockExclusive AddVectoredExceptionHandler CreateThread GetCurrentProcess GetExitCodeThread
        GetProcessHeap HeapAlloc HeapFree RaiseException ReleaseSRWLockExclusive RemoveVectoredExceptionHandler
        RtlCaptureContext RtlCaptureStackBackTrace RtlLookupFunctionEntry Sleep TerminateProcess
        UnhandledExceptionFilter WaitForSingleObject
    """,
    "msvcrt": "__getmainargs _onexit exit free getenv malloc memcpy memset printf puts qsort strcmp",
    "vcruntime140": """
        _CxxThrowException __C_specific_handler __CxxFrameHandler3 __RTCastToVoid __RTDynamicCast __RTtypeid
        __std_terminate __std_type_info_compare
    """,
}
"""DLLs of native programs, with the names that programs have of them."""
FLAGS = {
    "unoptimised": ("-O0",),
    "async": ("-O2", "-fasync-exceptions", "-fstack-protector-strong", "-ffunction-sections"),
}
"""The ways in which programs are compiled."""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Import libraries by name, and, as `start`, the object of a native program's start."""
    folder = tmp_path_factory.mktemp("libraries")
    files: dict[str, Path] = {}
    for name, exports in IMPORTS.items():
        definition, files[name] = folder / f"{name}.def", folder / f"{name}.lib"
        definition.write_text(f"LIBRARY {name}.dll\nEXPORTS\n" + "\n".join(exports.split()) + "\n")
        command = ["llvm-dlltool-19", "-m", "i386:x86-64", "-d", definition, "-l", files[name]]
        subprocess.run([require_tool(str(command[0])), *command[1:]], check=True)
    files["start"] = folder / "start.obj"
    command = [require_tool("clang-19"), MSVC, "-O1", "-c", PROGRAMS / "native_start.c", "-o", files["start"]]
    subprocess.run(command, check=True)
    return files


def ways_of(name: str) -> list[str]:
    return ["async"] if name == "faults_here.c" else list(FLAGS)


CASES = [(name, way) for name in names_of("microsoft", ["c", "cc"]) for way in ways_of(name)]


@pytest.mark.parametrize(("name", "way"), CASES)
def test_a_program_is_as_natively(wine: Path, tmp_path: Path, libraries: dict[str, Path], name: str, way: str) -> None:
    language = ("-std=c++20", "-fexceptions", "-fcxx-exceptions") if name.endswith(".cc") else ()
    compiler = [require_tool("clang-19"), MSVC, "-w", *language, *FLAGS[way]]
    objects = compile_parts("microsoft", name, tmp_path, compiler)
    native = tmp_path / "native.exe"
    archive = runtime_archive("x86_64-windows")
    inputs = [*objects, *libraries.values(), archive]
    options = ["/entry:mainCRTStartup", "/subsystem:console", "/include:_tls_used", "/nodefaultlib", "/opt:noref"]
    subprocess.run([require_tool("lld-link-19"), *options, f"/out:{native}", *inputs], check=True)
    words = ["one", "two words"]
    expected = run(["wine", native, *words])
    assert expected.stdout, expected
    assert run_linked([*objects, libraries["vcruntime140"]], words) == expected
