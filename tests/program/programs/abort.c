// abort() after output: the streams' buffers are lost, the status is the signal's.
//#signal: SIGABRT
#include <stdio.h>
#include <stdlib.h>

static void never(void) { puts("atexit must not run"); }

int main(void)
{
    atexit(never);
    fputs("unbuffered\n", stderr);
    puts("flushed");
    fflush(stdout);
    puts("lost");
    abort();
}
