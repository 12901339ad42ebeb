// Assigning to stdout changes where printf writes: the program and the C library share one variable.
//#compilers: gcc clang
//#flags: -fPIE | -fPIC
#include <stdio.h>

int main(void)
{
    FILE *kept = stdout;
    stdout = stderr;
    printf("printf follows an assigned stdout\n");
    stdout = kept;
    printf("back\n");
    return 0;
}
