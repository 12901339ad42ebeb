/* The exit status that a program sets beside what main() returns: LLVM's tests call llvm_jitlink_setTestResultOverride,
 * also from functions of atexit. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

static int64_t result;
static int is_set;

EXPORTED void uruk_rt_set_result(int64_t value)
{
    result = value;
    is_set = 1;
}

/* The status of a program in a process that goes on after it, where main() returned `status`; its streams are flushed. */
EXPORTED int64_t uruk_rt_result(int64_t status)
{
    fflush(0);
    return is_set ? result : status;
}

/* glibc goes on with the functions that are left when exit() is called in one of them, with the new status. */
static void end(void)
{
    if (is_set)
        exit((int)result);
}

/* Have the process end with the result. Call before the program registers anything: functions of atexit run last in,
 * first out. 0, or another number when there is no memory. */
EXPORTED int64_t uruk_rt_end_with_result(void)
{
    return atexit(end);
}
