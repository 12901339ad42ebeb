// __builtin_trap and, by clang, a call through a pointer whose type is read before the function (-fsanitize=function).
//#arch: x86_64
//#compilers: gcc clang
//#flags[clang]: -O1 -fsanitize=function -fsanitize-trap=function -fPIE | -O1 -fsanitize=undefined -fsanitize-trap=undefined
//#signal: SIGILL
#include <stdio.h>

__attribute__((noinline)) static int first(int x) { return x + 1; }
int second(int x) { return x + 2; }
int (*volatile table[])(int) = {first, second};

int main(void)
{
    printf("%d %d\n", table[0](1), table[1](1));
    fflush(stdout);
    __builtin_trap();
}
