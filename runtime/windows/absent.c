/* Functions that wine's own DLLs lack: natively its loader lets a program refer to one, and stops it at a call.
 *
 * So does this: a page of code for each, which raises the exception of wine's loader. */

#include <stdint.h>
#include <string.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

enum {
    SIGNATURE = 0x40, /* where wine's own DLLs have their mark: behind the DOS header */
};

#define WINE_STUB 0x80000100 /* the exception that wine's loader raises in such calls */

LONG NTAPI NtRaiseException(EXCEPTION_RECORD *record, CONTEXT *context, BOOLEAN is_first);

static const char mark[] = "Wine builtin DLL";

struct code {
    uint8_t move_names[2]; /* mov rcx, names */
    const char *names;
    uint8_t move_function[2]; /* mov rax, called */
    void (*function)(const char *);
    uint8_t jump[2]; /* jmp rax */
} __attribute__((packed));

/* `names`: of the DLL and of the function, which wine prints. The exception is the caller's, which the report names. */
static void called(const char *names)
{
    /* The system builds its frame from the caller's on, over this function's: what it reads is not on the stack. */
    struct facts {
        CONTEXT context;
        EXCEPTION_RECORD record;
    } *facts = VirtualAlloc(0, sizeof *facts, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!facts)
        TerminateProcess(GetCurrentProcess(), WINE_STUB);
    CONTEXT *context = &facts->context;
    void *data;
    DWORD64 base, frame;
    RtlCaptureContext(context);
    RUNTIME_FUNCTION *function = RtlLookupFunctionEntry(context->Rip, &base, 0);
    RtlVirtualUnwind(UNW_FLAG_NHANDLER, base, context->Rip, function, context, &data, &frame, 0);
    facts->record = (EXCEPTION_RECORD){.ExceptionCode = WINE_STUB,
                                       .ExceptionFlags = EXCEPTION_NONCONTINUABLE,
                                       .ExceptionAddress = (void *)context->Rip,
                                       .NumberParameters = 2,
                                       .ExceptionInformation = {(ULONG_PTR)names,
                                                                (ULONG_PTR)(names + strlen(names) + 1)}};
    NtRaiseException(&facts->record, context, 1);
}

/* Return what is called instead of a function that a DLL lacks; 0 for a DLL that is not wine's, and without memory.
 * `names`: of the DLL and of the function, each with its end. */
EXPORTED uint64_t uruk_rt_absent_function(const char *library, const char *names, uint64_t size)
{
    if (memcmp(library + SIGNATURE, mark, sizeof mark - 1))
        return 0;
    struct code *code = VirtualAlloc(0, sizeof *code + size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    if (!code)
        return 0;
    const char *kept = memcpy(code + 1, names, size);
    *code = (struct code){{0x48, 0xb9}, kept, {0x48, 0xb8}, called, {0xff, 0xe0}};
    DWORD before;
    return VirtualProtect(code, sizeof *code + size, PAGE_EXECUTE_READ, &before) ? (uint64_t)code : 0;
}
