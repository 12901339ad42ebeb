// A null dereference with nothing caught: death by SIGSEGV, what was flushed is there, no word on stderr.
//#signal: SIGSEGV
#include <stdio.h>

int main(void)
{
    int *volatile nowhere = NULL;
    puts("before");
    fflush(stdout);
    return *nowhere;
}
