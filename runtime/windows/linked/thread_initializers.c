/* Initialisers of thread-locals of Microsoft's C++: pointers in `.CRT$XDU`, which each thread runs once, as it begins, or
 * when it first uses one of them (/Zc:tlsGuards) where it ran before the module came. */

#include <windows.h>

typedef void initializer(void);

/* Sections of one name are in the order of what follows the `$`. These may be written to, as those of clang may not. */
__attribute__((section(".CRT$XDA"), used)) static initializer *first = 0;
__attribute__((section(".CRT$XDZ"), used)) static initializer *end = 0;

_Thread_local char __tls_guard;

void __dyn_tls_on_demand_init(void)
{
    if (__tls_guard)
        return;
    __tls_guard = 1; /* first: an initialiser may use another thread-local */
    for (initializer **next = &first + 1; next != &end; next++)
        if (*next)
            (*next)();
}

void NTAPI __dyn_tls_init(PVOID module, DWORD reason, PVOID reserved)
{
    (void)module, (void)reserved;
    if (reason == DLL_PROCESS_ATTACH || reason == DLL_THREAD_ATTACH)
        __dyn_tls_on_demand_init();
}

__attribute__((section(".CRT$XLC"), used)) static const PIMAGE_TLS_CALLBACK callback = __dyn_tls_init;
