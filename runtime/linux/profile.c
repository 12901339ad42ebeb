/* Counting calls for gprof (-pg): what a linked program's gcrt1.o does. gmon.out is written when the process exits. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

/* Count from now on what runs between two addresses; -1 where the C library cannot. */
EXPORTED int uruk_rt_count_calls(unsigned long low, unsigned long high)
{
    void (*start)(unsigned long, unsigned long) = (void (*)(unsigned long, unsigned long))dlsym(RTLD_DEFAULT, "__monstartup");
    void (*stop)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "_mcleanup");
    if (!start || !stop || atexit(stop))
        return -1;
    start(low, high);
    return 0;
}
