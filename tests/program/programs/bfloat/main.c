// __bf16 conversions, which need __truncsfbf2 and __truncdfbf2.
//#sources: main.c
//#native: {dir}/truncate.c
//#compilers: clang
#include <stdio.h>
#include <string.h>

int main(void)
{
    volatile float f = 3.14159f;
    volatile double d = 2.718281828;
    __bf16 a = (__bf16)f, b = (__bf16)d;
    printf("%.9g %.9g\n", (float)a, (float)b);
    volatile __bf16 c = a;
    c = c * b;
    printf("%.9g\n", (float)c);
    return 0;
}
