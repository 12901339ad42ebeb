/* What the common part takes from Windows: see process.h. */

#include "process.h"

#include <string.h>
#include <windows.h>

static DWORD key = FLS_OUT_OF_INDEXES;
static uint64_t of_nobody[2];
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;

static void WINAPI forget(void *data)
{
    if (data)
        HeapFree(GetProcessHeap(), 0, data);
}

static BOOL WINAPI make_key(INIT_ONCE *unused, void *argument, void **context)
{
    (void)unused, (void)argument, (void)context;
    key = FlsAlloc(forget);
    return 1;
}

uint64_t *uruk_thread_word(void)
{
    InitOnceExecuteOnce(&once, make_key, 0, 0);
    uint64_t *mine = FlsGetValue(key);
    if (!mine && (mine = HeapAlloc(GetProcessHeap(), 0, 2 * sizeof *mine))) {
        mine[0] = ~(uint64_t)0;
        mine[1] = 0;
        FlsSetValue(key, mine);
    }
    return mine ? mine : of_nobody;
}

/* No process of Windows is forked. */
int64_t uruk_at_fork(void (*in_child)(void))
{
    (void)in_child;
    return 0;
}

void uruk_say(const char *text)
{
    DWORD written;
    WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)strlen(text), &written, 0);
}

int uruk_last_error(void)
{
    return (int)GetLastError();
}

void uruk_set_last_error(int number)
{
    SetLastError((DWORD)number);
}

int uruk_read_memory(void *own, uint64_t address, uint64_t size)
{
    SIZE_T done;
    return !size || ReadProcessMemory(GetCurrentProcess(), (const void *)address, own, size, &done) ? 0 : -1;
}

int uruk_write_memory(uint64_t address, const void *own, uint64_t size)
{
    SIZE_T done;
    return !size || WriteProcessMemory(GetCurrentProcess(), (void *)address, own, size, &done) ? 0 : -1;
}
