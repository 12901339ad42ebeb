// Debug sections of a program with thread-locals (DTPOFF relocations), plain and compressed.
//#compilers: gcc clang
//#flags: -g | -g3 -gz -O2 | -g -gdwarf-4 -fPIC
#include <stdio.h>

__thread int counter = 3;
static __thread struct { int a; double b; } pair = {1, 2.5};

int main(void)
{
    counter += 4;
    pair.b *= counter;
    printf("%d %d %g\n", counter, pair.a, pair.b);
    return 0;
}
