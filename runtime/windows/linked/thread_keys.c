/* Destructors of the values that threads have for keys, of gcc's win32 thread model: libgcc.a registers them here.
 *
 * libmingw32.a has these functions, too; its destructors run from a callback in an object that only start files link. */

#include <windows.h>

typedef void destructor(void *);

struct key {
    struct key *next;
    DWORD number;
    destructor *volatile run; /* null once the key is deleted; a later key may have its number */
};

/* Keys are only added: a thread that ends reads the list while others add to it. */
static struct key *volatile keys;

static struct key *find(DWORD number)
{
    struct key *key = keys;
    while (key && key->number != number)
        key = key->next;
    return key;
}

/* Returns 0, or -1 without memory. */
int __mingwthr_key_dtor(DWORD number, destructor *run)
{
    struct key *key = find(number);
    if (key) {
        key->run = run;
        return 0;
    }
    if (!(key = HeapAlloc(GetProcessHeap(), 0, sizeof *key)))
        return -1;
    key->number = number;
    key->run = run;
    do
        key->next = keys;
    while (InterlockedCompareExchangePointer((void *volatile *)&keys, key, key->next) != key->next);
    return 0;
}

int __mingwthr_remove_key_dtor(DWORD number)
{
    struct key *key = find(number);
    if (key)
        key->run = 0;
    return 0;
}

static void NTAPI run_destructors(PVOID module, DWORD reason, PVOID reserved)
{
    (void)module, (void)reserved;
    /* Values of the thread that ends the process, or unloads this module, are left alone, as in a native program. */
    if (reason != DLL_THREAD_DETACH)
        return;
    for (struct key *key = keys; key; key = key->next) {
        DWORD before = GetLastError();
        void *value = TlsGetValue(key->number);
        destructor *run = key->run;
        if (value && run)
            run(value);
        SetLastError(before);
    }
}

__attribute__((section(".CRT$XLD"), used)) static const PIMAGE_TLS_CALLBACK callback = run_destructors;
