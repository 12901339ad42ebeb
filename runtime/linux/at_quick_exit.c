/* at_quick_exit, as libc_nonshared.a has it; see atexit.c. */

extern void *__dso_handle __attribute__((visibility("hidden")));
extern int __cxa_at_quick_exit(void (*)(void *), void *);

int at_quick_exit(void (*function)(void))
{
    return __cxa_at_quick_exit((void (*)(void *))(void *)function, &__dso_handle);
}
