/* What the common sources take from Windows; see system.h. */

#include "program.h"
#include "windows_parts.h"

#include <string.h>
#include <windows.h>

enum { MILLISECOND = 1000000, SECOND = 1000000000, MEGABYTE = 1 << 20 };

_Static_assert(sizeof(SRWLOCK) <= sizeof(struct lock), "a slim lock lies in a lock");
_Static_assert(sizeof(CONDITION_VARIABLE) <= sizeof(struct condition), "a condition variable lies in a condition");

static SRWLOCK *slim(struct lock *lock)
{
    return (SRWLOCK *)lock; /* SRWLOCK_INIT and CONDITION_VARIABLE_INIT are zero */
}

void take_lock(struct lock *lock)
{
    AcquireSRWLockExclusive(slim(lock));
}

int try_lock(struct lock *lock)
{
    return TryAcquireSRWLockExclusive(slim(lock));
}

void give_lock(struct lock *lock)
{
    ReleaseSRWLockExclusive(slim(lock));
}

void wait_for(struct condition *condition, struct lock *lock)
{
    SleepConditionVariableSRW((CONDITION_VARIABLE *)condition, slim(lock), INFINITE, 0);
}

int wait_at_most(struct condition *condition, struct lock *lock, word nanoseconds)
{
    DWORD milliseconds = (DWORD)((nanoseconds + MILLISECOND - 1) / MILLISECOND);
    return SleepConditionVariableSRW((CONDITION_VARIABLE *)condition, slim(lock), milliseconds, 0);
}

void wake_one(struct condition *condition)
{
    WakeConditionVariable((CONDITION_VARIABLE *)condition);
}

void wake_all(struct condition *condition)
{
    WakeAllConditionVariable((CONDITION_VARIABLE *)condition);
}

word now(void)
{
    LARGE_INTEGER ticks, per_second;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&per_second);
    word whole = (word)ticks.QuadPart / (word)per_second.QuadPart, rest = (word)ticks.QuadPart % (word)per_second.QuadPart;
    return whole * SECOND + rest * SECOND / (word)per_second.QuadPart;
}

void pause_for(word nanoseconds)
{
    Sleep((DWORD)((nanoseconds + MILLISECOND - 1) / MILLISECOND));
}

word page_size(void)
{
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    return system.dwPageSize;
}

/* Address space is reserved in units of 64 KiB (dwAllocationGranularity), so that few of them are better. */
word map_pages(word size)
{
    word whole = (size + MEGABYTE - 1) & -(word)MEGABYTE;
    void *base = VirtualAlloc(0, whole, MEM_RESERVE, PAGE_NOACCESS);
    if (base && !VirtualAlloc(base, size, MEM_COMMIT, PAGE_READWRITE)) {
        VirtualFree(base, 0, MEM_RELEASE);
        base = 0;
    }
    return (word)base;
}

void unmap_pages(word start, word size)
{
    (void)size;
    VirtualFree((void *)start, 0, MEM_RELEASE);
}

const char *protect_pages(word start, word size, unsigned protection)
{
    static const DWORD kinds[] = {PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE, PAGE_READWRITE, PAGE_EXECUTE, PAGE_EXECUTE_READ};
    DWORD before;
    if (protection >= sizeof kinds / sizeof *kinds || !VirtualProtect((void *)start, size, kinds[protection], &before))
        return "Windows refuses the protection of a segment";
    if (protection & CAN_EXECUTE)
        FlushInstructionCache(GetCurrentProcess(), (void *)start, size);
    return 0;
}

void *open_library(const char *path, char problem[PROBLEM])
{
    HMODULE library = path ? LoadLibraryA(path) : GetModuleHandleA(0);
    unsigned number = (unsigned)GetLastError();
    if (!library && number == ERROR_MOD_NOT_FOUND)
        format_text(problem, PROBLEM, "%s, or a library that it needs, is not found (Windows error 126)", path);
    else if (!library && number == ERROR_TOO_MANY_OPEN_FILES)
        format_text(problem, PROBLEM, "%s cannot be loaded: too many files are open; raise their limit (ulimit -n)", path);
    else if (!library)
        format_text(problem, PROBLEM, "%s cannot be loaded: Windows error %u", path, number);
    report_aborts();
    return library;
}

/* "#7" is export number 7: GetProcAddress takes a number of 16 bits in place of a name. 0 is none. */
static const char *asked_for(const char *name)
{
    uintptr_t number = 0;
    if (*name != '#')
        return name;
    while (*++name >= '0' && *name <= '9' && number <= 0xffff)
        number = 10 * number + (uintptr_t)(*name - '0');
    return *name || number > 0xffff ? 0 : (const char *)number;
}

/* The executor itself exports nothing: what "the process" has is in the libraries that every process has. */
word find_symbol(void *library, const char *name)
{
    if (library && library != GetModuleHandleA(0))
        return asked_for(name) ? (word)GetProcAddress(library, asked_for(name)) : 0;
    return find_in_usual_libraries(name);
}

word find_in_usual_libraries(const char *name)
{
    static const char *const libraries[] = {"kernel32.dll", "ntdll.dll"};
    word address = 0;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries && !address; i++)
        address = (word)GetProcAddress(GetModuleHandleA(libraries[i]), name);
    return address;
}

int is_wine(void)
{
    return GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") != 0;
}

word process_number(void)
{
    return GetCurrentProcessId();
}

static void say(const char *text)
{
    DWORD written;
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)strlen(text), &written, 0);
}

void give_up(const char *problem)
{
    say("uruk-executor: ");
    say(problem);
    say("\n");
    leave_at_once(1);
}

void leave(int status)
{
    end_program(status);
    ExitProcess((UINT)status);
}

void leave_at_once(int status)
{
    TerminateProcess(GetCurrentProcess(), (UINT)status);
    __builtin_unreachable();
}
