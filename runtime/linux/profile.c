/* Counting calls for gprof (-pg): what a linked program's gcrt1.o does. gmon.out is written when the process exits. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

/* Count from now on what runs between two addresses; -1 where the C library cannot. */
EXPORTED int64_t uruk_rt_count_calls(uint64_t low, uint64_t high)
{
    void (*start)(uint64_t, uint64_t) = (void (*)(uint64_t, uint64_t))dlsym(RTLD_DEFAULT, "__monstartup");
    void (*stop)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "_mcleanup");
    if (!start || !stop || atexit(stop))
        return -1;
    start(low, high);
    return 0;
}
