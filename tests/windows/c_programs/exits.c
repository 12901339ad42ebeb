#include <stdio.h>
#include <stdlib.h>

static void first(void) { puts("first"); }
static void second(void) { puts("second"); }
static int third(void) { puts("third"); return 0; }

int main(int argc, char **argv) {
    atexit(first);
    atexit(second);
    _onexit(third);
    setvbuf(stdout, 0, _IOFBF, 4096);
    printf("%d arguments, not flushed", argc);
    exit(300 + argc);
}
