// Fat LTO objects: the machine code is used, the .gnu.lto_ sections are not.
//#compilers: gcc clang
//#flags: -O2 -flto -ffat-lto-objects
//#native: -fno-lto
#include <stdio.h>

__attribute__((noinline)) static int square(int x) { return x * x; }
int main(void)
{
    printf("%d\n", square(12));
    return 0;
}
