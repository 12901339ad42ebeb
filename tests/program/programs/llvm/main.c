// LLVM itself, linked from its static libraries: build a function, print it, make assembly, compile and run it by MCJIT.
//#arch: x86_64
//#cflags: -I/usr/lib/llvm-19/include
//#flags: -O1
//#link-command: llvm-config-19 --link-static --ldflags --libs core native executionengine mcjit analysis
//#requires: llvm-config-19
//#link-command: llvm-config-19 --link-static --system-libs core
//#link: -lstdc++
//#timeout: 120
#include <llvm-c/Analysis.h>
#include <llvm-c/Core.h>
#include <llvm-c/ExecutionEngine.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <stdio.h>
#include <string.h>

/* gcd(a, b): while (b) { t = a % b; a = b; b = t; } return a */
static LLVMValueRef build_gcd(LLVMModuleRef module)
{
    LLVMTypeRef i32 = LLVMInt32Type(), parameters[] = {i32, i32};
    LLVMValueRef function = LLVMAddFunction(module, "gcd", LLVMFunctionType(i32, parameters, 2, 0));
    LLVMBasicBlockRef entry = LLVMAppendBasicBlock(function, "entry");
    LLVMBasicBlockRef loop = LLVMAppendBasicBlock(function, "loop");
    LLVMBasicBlockRef body = LLVMAppendBasicBlock(function, "body");
    LLVMBasicBlockRef end = LLVMAppendBasicBlock(function, "end");
    LLVMBuilderRef builder = LLVMCreateBuilder();
    LLVMPositionBuilderAtEnd(builder, entry);
    LLVMBuildBr(builder, loop);
    LLVMPositionBuilderAtEnd(builder, loop);
    LLVMValueRef a = LLVMBuildPhi(builder, i32, "a"), b = LLVMBuildPhi(builder, i32, "b");
    LLVMValueRef zero = LLVMConstInt(i32, 0, 0);
    LLVMBuildCondBr(builder, LLVMBuildICmp(builder, LLVMIntEQ, b, zero, "done"), end, body);
    LLVMPositionBuilderAtEnd(builder, body);
    LLVMValueRef rest = LLVMBuildURem(builder, a, b, "rest");
    LLVMBuildBr(builder, loop);
    LLVMPositionBuilderAtEnd(builder, end);
    LLVMBuildRet(builder, a);
    LLVMBasicBlockRef from[] = {entry, body};
    LLVMValueRef into_a[] = {LLVMGetParam(function, 0), b}, into_b[] = {LLVMGetParam(function, 1), rest};
    LLVMAddIncoming(a, into_a, from, 2);
    LLVMAddIncoming(b, into_b, from, 2);
    LLVMDisposeBuilder(builder);
    return function;
}

static int print_assembly(LLVMModuleRef module)
{
    char *error = NULL;
    LLVMTargetRef target;
    LLVMMemoryBufferRef text;
    const char *triple = "x86_64-unknown-linux-gnu";
    if (LLVMGetTargetFromTriple(triple, &target, &error))
        return printf("no target: %s\n", error);
    LLVMTargetMachineRef machine = LLVMCreateTargetMachine(target, triple, "x86-64", "", LLVMCodeGenLevelDefault,
                                                           LLVMRelocPIC, LLVMCodeModelDefault);
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, module, LLVMAssemblyFile, &error, &text))
        return printf("no assembly: %s\n", error);
    printf("%.*s", (int)LLVMGetBufferSize(text), LLVMGetBufferStart(text));
    LLVMDisposeMemoryBuffer(text);
    LLVMDisposeTargetMachine(machine);
    return 0;
}

int main(void)
{
    char *error = NULL;
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    LLVMLinkInMCJIT();
    LLVMModuleRef module = LLVMModuleCreateWithName("demo");
    LLVMValueRef function = build_gcd(module);
    if (LLVMVerifyModule(module, LLVMReturnStatusAction, &error))
        printf("not valid: %s\n", error);
    LLVMDisposeMessage(error);
    char *text = LLVMPrintValueToString(function);
    printf("%s", text);
    LLVMDisposeMessage(text);
    print_assembly(module);
    LLVMExecutionEngineRef engine;
    if (LLVMCreateExecutionEngineForModule(&engine, module, &error)) {
        printf("no engine: %s\n", error);
        return 1;
    }
    unsigned (*gcd)(unsigned, unsigned) = (unsigned (*)(unsigned, unsigned))LLVMGetFunctionAddress(engine, "gcd");
    printf("gcd(1071, 462) = %u, gcd(17, 4) = %u\n", gcd(1071, 462), gcd(17, 4));
    LLVMDisposeExecutionEngine(engine);
    LLVMShutdown();
    return 0;
}
