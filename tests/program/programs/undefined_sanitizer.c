// The undefined-behaviour sanitizer of gcc: reports with file and line on stderr, then goes on.
//#flags: -O1 -fsanitize=undefined
//#native: -fsanitize=undefined
//#link: -lubsan
//#cflags: -fno-sanitize-recover=null
#include <limits.h>
#include <stdio.h>

#line 100 "sanitized.c"
int main(void)
{
    volatile int big = INT_MAX, shift = 40, at = 5;
    int table[4] = {1, 2, 3, 4};
    volatile int sum = big + 1;
    printf("%d\n", sum);
    printf("%d\n", (1 << shift) != 7);
    printf("%d\n", at < 4 ? table[at] : 0);
    printf("%d\n", (int)((volatile int[]){1, 0}[at / 5] ? 9 / (at - 4) : 0));
    return 0;
}
