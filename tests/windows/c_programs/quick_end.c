#include <stdio.h>
#include <stdlib.h>

static void never(void) { puts("never"); }

int main(void) {
    atexit(never);
    puts("written");
    fflush(stdout);
    printf("lost");
    _exit(17);
}
