/* Destructors of g++'s thread-locals in linked code, which libstdc++-6.dll calls when a thread ends.
 *
 * That DLL keeps the DLL of a destructor loaded, but it knows DLLs only. Here each registration is remembered with the
 * module that its destructor lies in, so that code is not given back under a destructor. */

#include "modules.h"

#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

typedef void destructor(void *);
typedef int register_function(destructor *, void *object, void *dso);

struct record {
    destructor *run; /* 0 once it runs or has run */
    void *object;
    uint64_t module;
    DWORD thread;
    struct record *next; /* the newest first */
};

static SRWLOCK lock = SRWLOCK_INIT;
static struct record *records;

static register_function *function_of_library(void)
{
    static register_function *found;
    register_function *function = __atomic_load_n(&found, __ATOMIC_ACQUIRE);
    if (!function) {
        HMODULE library = LoadLibraryA("libstdc++-6.dll");
        function = library ? (register_function *)(void *)GetProcAddress(library, "__cxa_thread_atexit") : 0;
        __atomic_store_n(&found, function, __ATOMIC_RELEASE);
    }
    return function;
}

static void forget(struct record *record)
{
    AcquireSRWLockExclusive(&lock);
    struct record **place = &records;
    while (*place && *place != record)
        place = &(*place)->next;
    if (*place)
        *place = record->next;
    ReleaseSRWLockExclusive(&lock);
}

static destructor *take(struct record *record)
{
    AcquireSRWLockExclusive(&lock);
    destructor *run = record->run;
    record->run = 0;
    ReleaseSRWLockExclusive(&lock);
    return run;
}

/* The library calls it when the thread ends. The record counts until the destructor has returned. */
static void run_one(void *argument)
{
    struct record *record = argument;
    destructor *run = take(record);
    if (run)
        run(record->object);
    forget(record);
    HeapFree(GetProcessHeap(), 0, record);
}

/* __cxa_thread_atexit of linked code: 0, or -1 without memory. */
EXPORTED int64_t uruk_rt_thread_atexit(destructor *run, void *object, void *dso)
{
    (void)dso;
    register_function *enter = function_of_library();
    struct record *record = enter ? HeapAlloc(GetProcessHeap(), 0, sizeof *record) : 0;
    if (!record)
        return -1;
    uint64_t module = module_at((uint64_t)run);
    AcquireSRWLockExclusive(&lock);
    *record = (struct record){run, object, module, GetCurrentThreadId(), records};
    records = record;
    ReleaseSRWLockExclusive(&lock);
    int status = enter(run_one, record, 0);
    if (status) {
        forget(record);
        HeapFree(GetProcessHeap(), 0, record);
    }
    return status;
}

/* Return how many destructors in a module have not finished, over all threads. */
EXPORTED int64_t uruk_rt_pending_thread_atexit(uint64_t module)
{
    int64_t count = 0;
    AcquireSRWLockShared(&lock);
    for (struct record *record = records; record; record = record->next)
        count += record->module == module;
    ReleaseSRWLockShared(&lock);
    return count;
}

/* The library still has the record: only run_one frees it. */
void run_thread_destructors(uint64_t module)
{
    for (;;) {
        AcquireSRWLockExclusive(&lock);
        struct record *record = records;
        while (record && !(record->module == module && record->run && record->thread == GetCurrentThreadId()))
            record = record->next;
        ReleaseSRWLockExclusive(&lock);
        if (!record)
            return;
        destructor *run = take(record);
        if (run)
            run(record->object);
        forget(record);
    }
}
