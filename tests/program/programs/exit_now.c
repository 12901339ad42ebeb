// _exit leaves at once: no handlers, no flush.
//#exit: 9
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void no(void) { fputs("atexit\n", stderr); }

int main(void)
{
    atexit(no);
    printf("flushed\n");
    fflush(stdout);
    printf("lost\n");
    _exit(9);
}
