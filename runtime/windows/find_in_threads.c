/* Find out whether any thread of this process is in some code, or will return to it: registers and stacks are looked
 * through for words that are addresses there. See runtime/linux/find_in_threads.c, whose function this is.
 *
 * One thread at a time is suspended: nothing hands addresses in the code from one thread to another, so that a thread
 * which has none at some moment gets none later. While it is, nothing is called that takes a lock, the heap's say, as
 * that thread may hold it. Handles stay open until the end, so that no later thread gets the number of one that has ended.
 */

#include <stdint.h>
#include <windows.h>

#include <tlhelp32.h>
#include <winternl.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t word;

enum {
    MOST_THREADS = 2048,
    OLD_WORDS = 128,
    BASIC_INFORMATION = 0, /* ThreadBasicInformation */
    ACCESS = THREAD_SUSPEND_RESUME | THREAD_GET_CONTEXT | THREAD_QUERY_INFORMATION | SYNCHRONIZE,
};

struct range {
    word start, size;
};

struct basic_information { /* THREAD_BASIC_INFORMATION, which MinGW's headers do not have */
    NTSTATUS status;
    NT_TIB *block;
    HANDLE process, thread;
    ULONG_PTR affinity;
    LONG priority, base_priority;
};

/* One search at a time uses it, as stacks may be small, and the heap's lock may be a suspended thread's. */
static struct {
    const struct range *ranges;
    word count;
    unsigned char *marks;
    word threads;
    DWORD numbers[MOST_THREADS];
    HANDLE handles[MOST_THREADS]; /* 0 for one that had ended */
    CONTEXT context;
} search;

static SRWLOCK one_at_a_time = SRWLOCK_INIT;

static void look_at(word value)
{
    for (word row = 0; row < search.count; row++)
        /* the end as well: behind a call that never returns there may be nothing */
        if (value - search.ranges[row].start <= search.ranges[row].size)
            search.marks[row] = 1;
}

/* The part of a thread's stack that is in use; -1 if it is on another one, a fiber's say. */
static int look_through(word here, const NT_TIB *block)
{
    word end = (word)block->StackBase;
    if (here < (word)block->StackLimit || here >= end)
        return -1;
    for (const word *at = (const word *)(here & -(word)8); (word)at + 8 <= end; at++)
        look_at(*(const volatile word *)at);
    return 0;
}

static int look_through_suspended(HANDLE thread)
{
    struct basic_information facts;
    search.context.ContextFlags = CONTEXT_CONTROL | CONTEXT_INTEGER;
    /* SuspendThread may return before the thread stands still: this waits for it */
    if (!GetThreadContext(thread, &search.context) ||
        NtQueryInformationThread(thread, BASIC_INFORMATION, &facts, sizeof facts, 0) < 0)
        return -1;
    const word *registers = &search.context.Rax; /* Rax to R15, then Rip */
    for (const word *at = registers; at <= &search.context.Rip; at++)
        look_at(*at);
    return look_through(search.context.Rsp, facts.block);
}

/* 0, or -1 for a thread that cannot be looked through, and has not ended. */
static int look_into(HANDLE thread)
{
    int status = -1;
    if (SuspendThread(thread) != (DWORD)-1) {
        status = look_through_suspended(thread);
        ResumeThread(thread);
    }
    return status && WaitForSingleObject(thread, 0) != WAIT_OBJECT_0 ? -1 : 0;
}

static int is_known(DWORD number)
{
    word row = 0;
    while (row < search.threads && search.numbers[row] != number)
        row++;
    return row < search.threads || number == GetCurrentThreadId();
}

/* 0, or -1. */
static int look_into_number(DWORD number)
{
    if (search.threads == MOST_THREADS)
        return -1;
    HANDLE thread = OpenThread(ACCESS, 0, number);
    if (!thread)
        return GetLastError() == ERROR_INVALID_PARAMETER ? 0 : -1; /* there is no such thread any more */
    search.numbers[search.threads] = number;
    search.handles[search.threads++] = thread;
    return look_into(thread);
}

/* Look into the threads that were not there before; returns how many these are, or -1. */
static int64_t look_into_new(void)
{
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    word before = search.threads;
    int status = 0;
    HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    if (all == INVALID_HANDLE_VALUE)
        return -1;
    for (BOOL more = Thread32First(all, &entry); more && !status; more = Thread32Next(all, &entry))
        if (entry.th32OwnerProcessID == GetCurrentProcessId() && !is_known(entry.th32ThreadID))
            status = look_into_number(entry.th32ThreadID);
    CloseHandle(all);
    return status ? -1 : (int64_t)(search.threads - before);
}

/* The calling thread's own registers, and the rest of its stack. */
__attribute__((noinline)) static int look_here(void)
{
    __builtin_unwind_init();
    volatile word here = 0; /* below the saved registers, or beside them */
    return look_through((word)&here, (NT_TIB *)NtCurrentTeb());
}

/* What earlier calls have left below this frame is not the caller's: frames have words that are never written, or later. */
__attribute__((noinline)) static void overwrite_below(void)
{
    volatile word old[OLD_WORDS];
    for (int i = 0; i < OLD_WORDS; i++)
        old[i] = 0;
}

__attribute__((noinline)) static int64_t find(void)
{
    int64_t new = look_here();
    if (!new)
        /* threads that are begun meanwhile are found by another look */
        while ((new = look_into_new()) > 0)
            ;
    return new;
}

/* For each range 1 in `marks` if a thread has an address in it, or behind its last byte. -1 where a thread cannot be
 * looked through. */
EXPORTED int64_t uruk_rt_find_in_threads(const struct range *ranges, word count, unsigned char *marks)
{
    AcquireSRWLockExclusive(&one_at_a_time);
    search.ranges = ranges, search.count = count, search.marks = marks, search.threads = 0;
    overwrite_below();
    int64_t new = find();
    for (word row = 0; row < search.threads; row++)
        CloseHandle(search.handles[row]);
    ReleaseSRWLockExclusive(&one_at_a_time);
    return new;
}
