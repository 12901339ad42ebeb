// Addresses of absolute symbols by 32-bit fields: relative ones (AArch64's ADRP) want code that lies low.
//#compilers: gcc clang
//#flags: -O1 -fno-pie | -O1 -fno-pie -mcmodel=large
//#sources: main.c values.s
#include <stdio.h>

extern char absolute_small[], absolute_large[], absolute_zero[];
extern char maybe[] __attribute__((weak));
char *const volatile table[] = {absolute_small, absolute_large, absolute_zero};

int main(void)
{
    fprintf(stdout, "%p %p %p %p\n", absolute_small, absolute_large, absolute_zero + 8, maybe); // and a library's data
    fprintf(stdout, "%d\n", table[0] == absolute_small && table[1] == absolute_large && table[2] == absolute_zero);
    return 0;
}
