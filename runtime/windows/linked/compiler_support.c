/* Names that Microsoft's compilers take for granted. */

#include <stdint.h>
#include <windows.h>

/* Objects with floating-point code refer to it, so that a C library brings the formatting of such numbers. */
int _fltused = 0x9875;

/* A stack's cookie: any number that an overflow does not hit by chance; its upper 16 bits are 0, so that strings end in
 * front of it. */
uintptr_t __security_cookie = 0x00002B992DDFA232;

/* A stack's cookie was changed: the process ends with the exception of native programs. It goes to the last filter at once,
 * as Microsoft's __report_gsfailure has it: to raise it would mean to unwind a stack of which nothing is to be trusted. */
void uruk_part_stack_overrun(void)
{
    static EXCEPTION_RECORD record;
    static CONTEXT context;
    EXCEPTION_POINTERS pointers = {&record, &context};
    RtlCaptureContext(&context);
    record.ExceptionCode = STATUS_STACK_BUFFER_OVERRUN;
    record.ExceptionFlags = EXCEPTION_NONCONTINUABLE;
    record.ExceptionAddress = (void *)context.Rip;
    UnhandledExceptionFilter(&pointers);
    TerminateProcess(GetCurrentProcess(), STATUS_STACK_BUFFER_OVERRUN);
}

/* The entry of a pure virtual function in a virtual table. */
int _purecall(void)
{
    RaiseException(STATUS_INVALID_DISPOSITION, EXCEPTION_NONCONTINUABLE, 0, 0);
    return 0;
}
