//#flags: -O1 -flto
//#compilers: clang
//#error: LLVM bitcode
//#native: -fuse-ld=lld
// Objects without machine code are refused, and what to do is said.
#include <stdio.h>

int main(void)
{
    puts("linked by a compiler");
    return 0;
}
