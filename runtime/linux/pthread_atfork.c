/* pthread_atfork, as libc_nonshared.a has it; see atexit.c. glibc drops the three handlers when __cxa_finalize is
 * called with the same handle. */

extern void *__dso_handle __attribute__((visibility("hidden")));
extern int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *);

int __pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    return __register_atfork(prepare, parent, child, &__dso_handle);
}

int pthread_atfork(void (*)(void), void (*)(void), void (*)(void)) __attribute__((weak, alias("__pthread_atfork")));
