// An object compiled by Zig and called from C, with a generic, an error union, and a slice.
//#sources: main.c numbers.zig
//#cflags[numbers.zig]: -O ReleaseFast -target x86_64-linux-gnu -fPIC
#include <stdint.h>
#include <stdio.h>

uint64_t zig_gcd(uint64_t a, uint64_t b);
int zig_sort(int32_t *v, size_t n);
int32_t zig_counter(void);

int main(void)
{
    int32_t v[] = {5, -3, 99, 0, 7};
    printf("%lu\n", (unsigned long)zig_gcd(1071, 462));
    int swaps = zig_sort(v, 5);
    for (int i = 0; i < 5; i++)
        printf("%d ", v[i]);
    printf("swaps %d error %d\n", swaps, zig_sort(v, 0));
    zig_counter();
    printf("%d\n", zig_counter());
    return 0;
}
