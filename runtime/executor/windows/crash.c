/* Last words: which exception ends the process, where, and what it accessed. */

#include "calls.h"
#include "process.h"
#include "windows_parts.h"

#include <inttypes.h>
#include <windows.h>
#include <winternl.h>

enum {
    ABORTED = 3,          /* status of a program that calls abort() */
    SIGNAL_OF_ABORT = 22, /* SIGABRT of Microsoft's <signal.h> */
    STACK_LEFT = 64 << 10,
    MOST_FAULTS = 3, /* one inside the other, in the system itself */
};

/* It may run in what is left of a stack that has overflowed, and takes less than 2 KiB of it. */
static void say_last_words(unsigned code, word address, word pc, word sp)
{
    char text[128];
    format_text(text, sizeof text, "uruk-crash code=0x%x address=0x%" PRIx64 " pc=0x%" PRIx64 " sp=0x%" PRIx64, code,
                address, pc, sp);
    send_last_words(text);
}

static void tell(unsigned code, word address, word pc, word sp)
{
    say_last_words(code, address, pc, sp);
    TerminateProcess(GetCurrentProcess(), code);
}

/* libgcc's exceptions of C++ (GCC's unwind-seh.c: "GCC" in the code, with a number for what is unwound). */
static int is_gnu_throw(const EXCEPTION_RECORD *record)
{
    return (record->ExceptionCode & 0x20ffffff) == 0x20474343 && !(record->ExceptionFlags & EXCEPTION_NONCONTINUABLE);
}

struct fault {
    unsigned code;
    word address, pc, sp;
};

static struct fault fault_of(const EXCEPTION_POINTERS *exception)
{
    const EXCEPTION_RECORD *record = exception->ExceptionRecord;
    int has_address = record->ExceptionCode == EXCEPTION_ACCESS_VIOLATION && record->NumberParameters > 1;
    word address = has_address ? record->ExceptionInformation[1] : (word)record->ExceptionAddress;
    return (struct fault){record->ExceptionCode, address, exception->ContextRecord->Rip, exception->ContextRecord->Rsp};
}

static LONG WINAPI handle(EXCEPTION_POINTERS *exception)
{
    if (is_gnu_throw(exception->ExceptionRecord))
        return EXCEPTION_CONTINUE_EXECUTION; /* as crt2.o's filter does: the thrower goes on to std::terminate */
    struct fault fault = fault_of(exception);
    tell(fault.code, fault.address, fault.pc, fault.sp);
    return EXCEPTION_EXECUTE_HANDLER;
}

/* Where a stack is overwritten, the system's own search for handlers reads what is none, and faults, and searches again,
 * until the stack is used up. `first` is the exception that this began with, `count` the faults in the system since. */
static struct {
    struct fault first;
    word sp; /* of the last one */
    DWORD thread;
    unsigned count;
} faults;

static struct {
    word base, size;
} searcher; /* the system's module that searches */

/* Keep an exception as the first, or count it as one of those that it has led to. */
static void keep_first(const struct fault *fault)
{
    int is_inner = fault->code == EXCEPTION_ACCESS_VIOLATION && fault->pc - searcher.base < searcher.size;
    if (is_inner && faults.thread == GetCurrentThreadId() && fault->sp < faults.sp)
        faults.count++;
    else
        faults.first = *fault, faults.thread = GetCurrentThreadId(), faults.count = 0;
    faults.sp = fault->sp;
}

/* wine 8 leaves one page of a stack that has overflowed, whatever SetThreadStackGuarantee was asked for: the exception is
 * dispatched no further than to the first handler of all. So no program handles it there. */
static LONG WINAPI handle_first(EXCEPTION_POINTERS *exception)
{
    struct fault fault = fault_of(exception);
    if (fault.code != EXCEPTION_STACK_OVERFLOW) {
        keep_first(&fault);
        return EXCEPTION_CONTINUE_SEARCH;
    }
    int is_search = fault.pc - searcher.base < searcher.size && faults.thread == GetCurrentThreadId();
    if (is_search && faults.count > MOST_FAULTS)
        tell(faults.first.code, faults.first.address, faults.first.pc, faults.first.sp);
    return handle(exception);
}

/* Callbacks that lie outside their module are linked code's, for which a carrier was loaded. wine calls those of libraries
 * when a process ends, and not those of its program; no system runs the program's after abort(). */
static void silence_linked_callbacks(void)
{
    LIST_ENTRY *head = &NtCurrentTeb()->ProcessEnvironmentBlock->Ldr->InMemoryOrderModuleList;
    for (LIST_ENTRY *next = head->Flink; next != head; next = next->Flink) {
        word base = (word)CONTAINING_RECORD(next, LDR_DATA_TABLE_ENTRY, InMemoryOrderLinks)->DllBase;
        const IMAGE_NT_HEADERS64 *headers = (const IMAGE_NT_HEADERS64 *)(base + (word)((const IMAGE_DOS_HEADER *)base)->e_lfanew);
        const IMAGE_OPTIONAL_HEADER64 *image = &headers->OptionalHeader;
        DWORD place = image->DataDirectory[IMAGE_DIRECTORY_ENTRY_TLS].VirtualAddress;
        IMAGE_TLS_DIRECTORY64 *directory = place ? (IMAGE_TLS_DIRECTORY64 *)(base + place) : 0;
        DWORD before;
        if (directory && directory->AddressOfCallBacks && directory->AddressOfCallBacks - base >= image->SizeOfImage &&
            VirtualProtect(directory, sizeof *directory, PAGE_READWRITE, &before))
            directory->AddressOfCallBacks = 0;
    }
}

/* abort() of a C runtime ends as its _exit() does: libraries are told of the end of the process. */
static void report_abort(int number)
{
    (void)number;
    say_last_words(ABORTED, 0, (word)__builtin_return_address(0), (word)__builtin_frame_address(0));
    silence_linked_callbacks();
    ExitProcess(ABORTED);
}

int crashes_are_reported;

void uruk_abort(void)
{
    if (crashes_are_reported)
        tell(ABORTED, 0, (word)__builtin_return_address(0), (word)__builtin_frame_address(0));
    leave_at_once(ABORTED);
}

void report_crashes(void)
{
    crashes_are_reported = 1;
    SetUnhandledExceptionFilter(handle);
    if (is_wine()) {
        searcher.base = (word)GetModuleHandleA("ntdll.dll");
        const IMAGE_DOS_HEADER *start = (const IMAGE_DOS_HEADER *)searcher.base;
        searcher.size = ((const IMAGE_NT_HEADERS64 *)(searcher.base + (word)start->e_lfanew))->OptionalHeader.SizeOfImage;
        AddVectoredExceptionHandler(1, handle_first);
    }
}

/* How much the system leaves of a stack that overflows is each thread's to say. The first thread may end before others. */
static void NTAPI at_thread(void *module, DWORD reason, void *unused)
{
    static DWORD first;
    ULONG size = STACK_LEFT;
    (void)module, (void)unused;
    if (reason == DLL_PROCESS_ATTACH)
        first = GetCurrentThreadId();
    if (reason == DLL_PROCESS_ATTACH || reason == DLL_THREAD_ATTACH)
        SetThreadStackGuarantee(&size);
    else if (reason == DLL_THREAD_DETACH && program.running && GetCurrentThreadId() == first)
        end_with_threads();
}

/* The loader calls these in every thread that begins or ends ("The .tls Section" of Microsoft's PE format). */
static const PIMAGE_TLS_CALLBACK callbacks[] = {at_thread, 0};
static ULONG tls_index;
const IMAGE_TLS_DIRECTORY64 _tls_used = {.AddressOfIndex = (ULONGLONG)&tls_index, .AddressOfCallBacks = (ULONGLONG)callbacks};

/* abort() raises no exception, but a signal of the C runtime that has it. A program's own handler stays. */
void report_aborts(void)
{
    static const char *const runtimes[] = {"msvcrt.dll", "ucrtbase.dll"};
    typedef void handler(int);
    for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++) {
        HMODULE library = GetModuleHandleA(runtimes[i]);
        handler *(*set)(int, handler *) = library ? (handler *(*)(int, handler *))GetProcAddress(library, "signal") : 0;
        handler *before = set ? set(SIGNAL_OF_ABORT, report_abort) : 0;
        if (before && before != report_abort)
            set(SIGNAL_OF_ABORT, before);
    }
}
