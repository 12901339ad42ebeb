/* atexit, as libc_nonshared.a has it: not exported, so that it is linked next to its caller and sees the caller's
 * __dso_handle. What is registered under that handle runs when that code is removed, not only at exit. */

extern void *__dso_handle __attribute__((visibility("hidden")));
extern int __cxa_atexit(void (*)(void *), void *, void *);

int atexit(void (*function)(void))
{
    return __cxa_atexit((void (*)(void *))(void *)function, 0, &__dso_handle);
}
