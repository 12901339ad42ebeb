// Both output streams, buffered and not, and an exit status.
//#compilers: gcc clang
//#flags: -O0 | -O2 | @models
//#exit: 3
#include <stdio.h>

int main(void)
{
    printf("hello from %s\n", "printf");
    fprintf(stderr, "first on stderr\n");
    fputs("no newline at the end", stdout);
    fprintf(stderr, "second on stderr");
    return 3;
}
