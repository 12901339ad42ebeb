/* The process's part of static variables that are initialised at their first use; see linked/magic_statics.c. */

#include <limits.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE settled = CONDITION_VARIABLE_INIT;
static int epoch = INT_MIN;

EXPORTED void uruk_rt_static_begin(volatile int *guard)
{
    AcquireSRWLockExclusive(&lock);
    while (*guard == -1)
        SleepConditionVariableSRW(&settled, &lock, INFINITE, 0);
    if (*guard == 0)
        *guard = -1;
    ReleaseSRWLockExclusive(&lock);
}

static void settle(volatile int *guard, int value)
{
    AcquireSRWLockExclusive(&lock);
    *guard = value ? ++epoch : 0;
    ReleaseSRWLockExclusive(&lock);
    WakeAllConditionVariable(&settled);
}

EXPORTED void uruk_rt_static_end(volatile int *guard)
{
    settle(guard, 1);
}

/* The initialiser threw: the next thread that comes by tries again. */
EXPORTED void uruk_rt_static_abort(volatile int *guard)
{
    settle(guard, 0);
}
