/* The executor's own threads, and the end of a program whose first thread ends before others (ExitThread, pthread_exit): as
 * natively, the process goes on until its last thread has ended, and the exit code of that one is its status. */

#include "system.h"
#include "windows_parts.h"

#include <windows.h>

#include <tlhelp32.h>

struct own {
    void (*function)(void *);
    void *argument;
    DWORD number;
    struct own *next;
};

static SRWLOCK lock = SRWLOCK_INIT;
static struct own *own_threads;

static void forget(struct own *own)
{
    AcquireSRWLockExclusive(&lock);
    struct own **place = &own_threads;
    while (*place != own)
        place = &(*place)->next;
    *place = own->next;
    ReleaseSRWLockExclusive(&lock);
    HeapFree(GetProcessHeap(), 0, own);
}

static DWORD WINAPI begin(void *argument)
{
    struct own *own = argument;
    begin_x87();
    own->function(own->argument);
    forget(own);
    return 0;
}

void start_thread(void (*function)(void *), void *argument)
{
    struct own *own = HeapAlloc(GetProcessHeap(), 0, sizeof *own);
    if (!own)
        give_up("no memory for a thread");
    AcquireSRWLockExclusive(&lock); /* who looks for threads of the program finds it among these */
    *own = (struct own){function, argument, 0, own_threads};
    own_threads = own;
    HANDLE thread = CreateThread(0, 0, begin, own, 0, &own->number);
    ReleaseSRWLockExclusive(&lock);
    if (!thread)
        give_up("no thread can be started");
    CloseHandle(thread);
}

/* With the lock. */
static int is_own(DWORD number)
{
    struct own *own = own_threads;
    while (own && own->number != number)
        own = own->next;
    return own != 0;
}

/* Some thread of the process that is not the executor's own; 0 where there is none. */
static HANDLE find_thread_of_program(void)
{
    THREADENTRY32 entry = {.dwSize = sizeof entry};
    HANDLE thread = 0;
    AcquireSRWLockExclusive(&lock);
    HANDLE all = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    for (BOOL more = Thread32First(all, &entry); more && !thread; more = Thread32Next(all, &entry))
        if (entry.th32OwnerProcessID == GetCurrentProcessId() && !is_own(entry.th32ThreadID))
            thread = OpenThread(SYNCHRONIZE | THREAD_QUERY_INFORMATION, 0, entry.th32ThreadID);
    CloseHandle(all);
    ReleaseSRWLockExclusive(&lock);
    return thread;
}

static void end_with_last_thread(void *first)
{
    DWORD status = 0;
    for (HANDLE thread = first; thread; thread = find_thread_of_program()) {
        WaitForSingleObject(thread, INFINITE);
        GetExitCodeThread(thread, &status);
        CloseHandle(thread);
    }
    ExitProcess(status);
}

void end_with_threads(void)
{
    HANDLE self = GetCurrentProcess(), thread;
    if (DuplicateHandle(self, GetCurrentThread(), self, &thread, 0, 0, DUPLICATE_SAME_ACCESS))
        start_thread(end_with_last_thread, thread);
}
