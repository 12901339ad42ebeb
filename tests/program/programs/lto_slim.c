//#flags: -O1 -flto -fno-fat-lto-objects
//#compilers: gcc
//#error: compile with -ffat-lto-objects
// Objects without machine code are refused, and what to do is said.
#include <stdio.h>

int main(void)
{
    puts("linked by a compiler");
    return 0;
}
