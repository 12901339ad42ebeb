/* The exit status that a program sets beside what main() returns; see result.c of runtime/linux. */

#include "program.h"

#include <stdint.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

static int32_t result;
static int is_set;

/* Of Windows's `long`, which has 32 bits. */
EXPORTED void uruk_rt_set_result(int32_t value)
{
    result = value;
    is_set = 1;
}

/* The status of a program in a process that goes on after it, where main() returned `status`; its files are flushed. */
EXPORTED int64_t uruk_rt_result(int64_t status)
{
    flush_program();
    return is_set ? result : status;
}

/* The C runtime closes its files when all functions of atexit have run: here this is the last of them. */
static void end(void)
{
    if (!is_set)
        return;
    flush_program();
    ExitProcess((UINT)result);
}

/* Have the process end with the result. Call before the program registers anything: functions of atexit run last in,
 * first out. 0, or -1 when there is no memory. */
EXPORTED int64_t uruk_rt_end_with_result(void)
{
    is_set = 0;
    return at_end_of_program(end);
}
