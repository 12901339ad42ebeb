"""A program from archives: LLVM's static libraries through its C API, linked and run, against clang++ with lld."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.inputs import compile_c
from benchmarks.measure import interleaved, ratio, run_process, say, spread
from benchmarks.report import Report, Row

IN_PROCESS, IN_CHILD = 1.5, 2.0
CONFIG = "llvm-config-19"
COMPONENTS = ("x86", "mcjit", "core", "analysis", "irreader", "passes")
SOURCE = """
#include <llvm-c/Core.h>
#include <llvm-c/ExecutionEngine.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

/* Makes add(), optimises it, compiles it and calls it; returns 0 if that gives 42. */
int main(void)
{
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
    LLVMLinkInMCJIT();
    LLVMModuleRef module = LLVMModuleCreateWithName("program");
    LLVMTypeRef word = LLVMInt32Type(), parameters[] = {word, word};
    LLVMValueRef add = LLVMAddFunction(module, "add", LLVMFunctionType(word, parameters, 2, 0));
    LLVMBuilderRef builder = LLVMCreateBuilder();
    LLVMPositionBuilderAtEnd(builder, LLVMAppendBasicBlock(add, "entry"));
    LLVMBuildRet(builder, LLVMBuildAdd(builder, LLVMGetParam(add, 0), LLVMGetParam(add, 1), ""));
    char *problem = 0, *triple = LLVMGetDefaultTargetTriple();
    LLVMTargetRef target;
    if (LLVMGetTargetFromTriple(triple, &target, &problem))
        return 1;
    LLVMTargetMachineRef machine = LLVMCreateTargetMachine(
        target, triple, "generic", "", LLVMCodeGenLevelDefault, LLVMRelocPIC, LLVMCodeModelDefault);
    if (LLVMRunPasses(module, "default<O2>", machine, LLVMCreatePassBuilderOptions()))
        return 2;
    LLVMExecutionEngineRef engine;
    if (LLVMCreateExecutionEngineForModule(&engine, module, &problem))
        return 3;
    return ((int (*)(int, int))LLVMGetFunctionAddress(engine, "add"))(40, 2) != 42;
}
"""


def measure(folder: Path, runs: int, report: Report) -> None:
    """Whole processes, from the start to the end of the program. Raises RuntimeError without LLVM's libraries."""
    if shutil.which(CONFIG) is None:
        raise RuntimeError(f"no {CONFIG}: install llvm-19-dev")
    include = _config("--includedir")
    program = compile_c(SOURCE, folder / "program.o", *[f"-I{path}" for path in include])
    libraries = [f"-L{path}" for path in _config("--libdir")]
    libraries += [*_config("--link-static", "--libs", *COMPONENTS), *_config("--link-static", "--system-libs")]
    inputs = [str(program), *libraries]
    say(f"archives: {sum(name.startswith('-lLLVM') for name in libraries)} archives, {runs} runs each")
    linked = str(folder / "program")
    ours = [sys.executable, "-m", "uruk", "run"]
    here, child = [*ours, "--in-process", *inputs, "-lstdc++"], [*ours, *inputs, "-lstdc++"]
    by_lld = ["clang++-19", "-fuse-ld=lld", "-o", linked, *inputs]
    actions = {
        "here": lambda: run_process(here).seconds,
        "child": lambda: run_process(child).seconds,
        "lld": lambda: run_process(by_lld).seconds + run_process([linked]).seconds,
    }
    interleaved(actions, 1)
    times = interleaved(actions, runs)
    for name, title, budget in (("here", "in process", IN_PROCESS), ("child", "in a child", IN_CHILD)):
        note = f"against clang++ -fuse-ld=lld and running it; runs {spread(times[name], times['lld'])}"
        report.rows.append(
            Row(f"a program from archives, {title}", ratio(times[name], times["lld"]), budget, note=note)
        )


def _config(*words: str) -> list[str]:
    """What llvm-config answers, as words."""
    return subprocess.run([CONFIG, *words], check=True, capture_output=True, text=True).stdout.split()
