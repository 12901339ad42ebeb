/* Static variables of functions, which the first thread that comes by initialises (Microsoft's C++, /Zc:threadSafeInit).
 *
 * A variable's guard is 0 before, -1 meanwhile, and then a number that grows from INT_MIN with each variable of the
 * process. Code calls `_Init_thread_header` only where the guard is above its thread's `_Init_thread_epoch`, which each
 * module has for itself: all that was initialised before is known to the thread. */

#include <limits.h>

extern void uruk_rt_static_begin(volatile int *guard), uruk_rt_static_end(volatile int *guard);
extern void uruk_rt_static_abort(volatile int *guard);

_Thread_local int _Init_thread_epoch = INT_MIN;

/* Returns when the variable is there, or, with the guard at -1, to initialise it. */
void _Init_thread_header(volatile int *guard)
{
    uruk_rt_static_begin(guard);
    if (*guard != -1 && *guard > _Init_thread_epoch)
        _Init_thread_epoch = *guard;
}

void _Init_thread_footer(volatile int *guard)
{
    uruk_rt_static_end(guard);
    _Init_thread_epoch = *guard;
}

void _Init_thread_abort(volatile int *guard)
{
    uruk_rt_static_abort(guard);
}
