/* Destructors of thread-locals of Microsoft's C++: a list for each thread, which runs, the last registered first, when
 * the thread or the module ends. */

#include <windows.h>

typedef void destructor(void);

struct registration {
    struct registration *before;
    destructor *run;
};

static _Thread_local struct registration *last;

/* Returns 0, or -1 without memory. */
int __tlregdtor(destructor *run)
{
    struct registration *registration = HeapAlloc(GetProcessHeap(), 0, sizeof *registration);
    if (!registration)
        return -1;
    *registration = (struct registration){last, run};
    last = registration;
    return 0;
}

static void NTAPI run_destructors(PVOID module, DWORD reason, PVOID reserved)
{
    (void)module, (void)reserved;
    if (reason != DLL_THREAD_DETACH && reason != DLL_PROCESS_DETACH)
        return;
    struct registration *registration;
    while ((registration = last)) {
        last = registration->before; /* a destructor may register others */
        registration->run();
        HeapFree(GetProcessHeap(), 0, registration);
    }
}

__attribute__((section(".CRT$XLD"), used)) static const PIMAGE_TLS_CALLBACK callback = run_destructors;
