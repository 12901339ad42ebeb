// 64 MiB of zero-filled data: no cost in the object, zero at start, writable at both ends.
//#compilers: gcc clang
//#flags: -O2 | -O2 -fno-pie | -O2 -mcmodel=medium | -O2 -mcmodel=large
#include <stdio.h>
#include <string.h>

#define SIZE (64u << 20)
static char area[SIZE];
char shared_area[1 << 20];
static int initialised[20000] = {[19999] = 7};

int main(void)
{
    long sum = 0;
    for (unsigned i = 0; i < SIZE; i += 4096)
        sum += area[i];
    printf("zero: %ld\n", sum);
    area[0] = 1;
    area[SIZE - 1] = 2;
    memset(area + (SIZE / 2), 3, 100000);
    for (unsigned i = 0; i < SIZE; i += 4096)
        sum += area[i];
    printf("%ld %d %d %d\n", sum, area[SIZE - 1], shared_area[12345], initialised[19999]);
    return 0;
}
