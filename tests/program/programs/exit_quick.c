// quick_exit runs at_quick_exit handlers only, last first; buffers are not flushed by it.
//#exit: 4
#include <stdio.h>
#include <stdlib.h>

static void a(void) { fputs("quick a\n", stderr); }
static void b(void) { fputs("quick b\n", stderr); }
static void no(void) { fputs("atexit\n", stderr); }
__attribute__((destructor)) static void never(void) { fputs("destructor\n", stderr); }

int main(void)
{
    at_quick_exit(a);
    at_quick_exit(b);
    atexit(no);
    puts("lost in the buffer");
    quick_exit(4);
}
