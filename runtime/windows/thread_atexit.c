/* Destructors of C++'s thread-locals in linked code, of the kind that gcc and zig emit (__cxa_thread_atexit).
 *
 * libstdc++-6.dll keeps the DLL of a destructor loaded, and the functions of static libraries keep nothing. Here each
 * registration is remembered with the module that its destructor lies in, so that code is not given back under one.
 *
 * Where that DLL is in the process, it says when destructors run, as natively. Elsewhere they run in a callback of
 * fiber-local storage: before the loader tells its modules of the thread's end, when a thread that winpthreads did not
 * make still has its __emutls, and without the loader's lock, as destructors may wait for other threads. */

#include "modules.h"

#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

typedef void destructor(void *);
typedef int register_function(destructor *, void *object, void *dso);

struct record {
    destructor *run; /* 0 once it runs or has run */
    void *object;
    uint64_t module;
    DWORD id;
    uint64_t number;       /* registrations count up */
    struct thread *thread; /* 0 where the library sees to the end of threads */
    struct record *next;   /* the newest first */
};

/* A thread that has registered destructors. */
struct thread {
    HANDLE handle;
    struct thread *next;
};

BOOLEAN NTAPI RtlDllShutdownInProgress(void);

static SRWLOCK lock = SRWLOCK_INIT;
static struct record *records;
static uint64_t last_number;
static struct thread *threads;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
static register_function *of_library; /* 0 where there is no such library */
static DWORD key = FLS_OUT_OF_INDEXES;

static void free_memory(void *memory)
{
    HeapFree(GetProcessHeap(), 0, memory);
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

/* The record counts until its destructor has returned. */
static void run_and_forget(struct record *record)
{
    destructor *run = take(record);
    if (run)
        run(record->object);
    forget(record);
}

/* The library calls it when the thread ends. */
static void run_one(void *argument)
{
    run_and_forget(argument);
    free_memory(argument);
}

/* With the lock: take a thread out, with the records of one that ended without running its destructors, as it may have
 * registered them after its end was seen here, or have been ended from outside. */
static void drop(struct thread **place)
{
    struct thread *thread = *place;
    *place = thread->next;
    for (struct record **at = &records; *at;) {
        struct record *record = *at;
        if (record->thread == thread) {
            *at = record->next;
            free_memory(record);
        } else {
            at = &record->next;
        }
    }
    CloseHandle(thread->handle);
    free_memory(thread);
}

/* With the lock: a later thread may have the number of one that has ended. */
static void drop_ended(void)
{
    for (struct thread **place = &threads; *place;) {
        if (WaitForSingleObject((*place)->handle, 0) == WAIT_OBJECT_0)
            drop(place);
        else
            place = &(*place)->next;
    }
}

/* The calling thread's newest record, up to a number, whose destructor has not begun, in one module, or in any for 0. */
static struct record *newest(uint64_t module, uint64_t number)
{
    DWORD id = GetCurrentThreadId();
    AcquireSRWLockExclusive(&lock);
    drop_ended();
    struct record *record = records;
    while (record && !(record->run && record->id == id && record->number <= number &&
                       (!module || record->module == module)))
        record = record->next;
    ReleaseSRWLockExclusive(&lock);
    return record;
}

/* What destructors register runs after all that were there, as libstdc++ has it. */
void run_thread_destructors(uint64_t module)
{
    uint64_t number = 0;
    for (struct record *record; (record = newest(module, number)) || (record = newest(module, ~(uint64_t)0));) {
        if (record->number > number)
            number = record->number;
        int kept = !record->thread; /* by the library: only run_one frees it */
        run_and_forget(record);
        if (!kept)
            free_memory(record);
    }
}

/* At the end of the process the session has run what it could: its code may be gone. */
static void WINAPI thread_ends(void *thread)
{
    if (!thread || RtlDllShutdownInProgress())
        return;
    run_thread_destructors(0);
    AcquireSRWLockExclusive(&lock);
    struct thread **place = &threads;
    while (*place && *place != thread)
        place = &(*place)->next;
    if (*place)
        drop(place);
    ReleaseSRWLockExclusive(&lock);
}

static BOOL WINAPI begin(INIT_ONCE *unused, void *argument, void **context)
{
    (void)unused, (void)argument, (void)context;
    HMODULE library = GetModuleHandleA("libstdc++-6.dll");
    if (library)
        of_library = (register_function *)(void *)GetProcAddress(library, "__cxa_thread_atexit");
    if (of_library)
        return 1;
    if (key == FLS_OUT_OF_INDEXES)
        key = FlsAlloc(thread_ends);
    return key != FLS_OUT_OF_INDEXES;
}

/* The calling thread; 0 without memory. */
static struct thread *this_thread(void)
{
    struct thread *thread = FlsGetValue(key);
    if (thread || !(thread = HeapAlloc(GetProcessHeap(), 0, sizeof *thread)))
        return thread;
    HANDLE process = GetCurrentProcess();
    if (!DuplicateHandle(process, GetCurrentThread(), process, &thread->handle, SYNCHRONIZE, 0, 0)) {
        free_memory(thread);
        return 0;
    }
    AcquireSRWLockExclusive(&lock);
    thread->next = threads;
    threads = thread;
    ReleaseSRWLockExclusive(&lock);
    FlsSetValue(key, thread);
    return thread;
}

/* __cxa_thread_atexit of linked code: 0, or -1 without memory. */
EXPORTED int64_t uruk_rt_thread_atexit(destructor *run, void *object, void *dso)
{
    (void)dso;
    if (!InitOnceExecuteOnce(&once, begin, 0, 0))
        return -1;
    struct thread *thread = of_library ? 0 : this_thread();
    struct record *record = of_library || thread ? HeapAlloc(GetProcessHeap(), 0, sizeof *record) : 0;
    if (!record)
        return -1;
    uint64_t module = module_at((uint64_t)run);
    AcquireSRWLockExclusive(&lock);
    *record = (struct record){run, object, module, GetCurrentThreadId(), ++last_number, thread, records};
    records = record;
    ReleaseSRWLockExclusive(&lock);
    int status = of_library ? of_library(run_one, record, 0) : 0;
    if (status) {
        forget(record);
        free_memory(record);
    }
    return status;
}

/* Return how many destructors in a module have not finished, over all threads. */
EXPORTED int64_t uruk_rt_pending_thread_atexit(uint64_t module)
{
    int64_t count = 0;
    AcquireSRWLockExclusive(&lock);
    drop_ended();
    for (struct record *record = records; record; record = record->next)
        count += record->module == module;
    ReleaseSRWLockExclusive(&lock);
    return count;
}
