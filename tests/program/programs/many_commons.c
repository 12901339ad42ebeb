// 400 commons of mixed sizes and alignments do not add up to a giant allocation, nor overlap.
//#cflags: -fcommon
#include <stdint.h>
#include <stdio.h>

#define ONE(n, size, align) _Alignas(align) unsigned char c##n[size];
#define TEN(n) ONE(n##0, 1, 1) ONE(n##1, 3, 2) ONE(n##2, 1000, 4096) ONE(n##3, 17, 16) ONE(n##4, 8, 8) \
    ONE(n##5, 33, 32) ONE(n##6, 5, 1) ONE(n##7, 64, 64) ONE(n##8, 2, 2) ONE(n##9, 4097, 1)
#define HUNDRED(n) TEN(n##0) TEN(n##1) TEN(n##2) TEN(n##3) TEN(n##4) TEN(n##5) TEN(n##6) TEN(n##7) TEN(n##8) TEN(n##9)
HUNDRED(1) HUNDRED(2) HUNDRED(3) HUNDRED(4)
#undef ONE
#define ONE(n, size, align) {c##n, size, align},
static const struct { unsigned char *start; unsigned size, align; } table[] = {
    HUNDRED(1) HUNDRED(2) HUNDRED(3) HUNDRED(4)
};

int main(void)
{
    int bad = 0;
    unsigned count = sizeof table / sizeof *table;
    for (unsigned i = 0; i < count; i++) {
        bad += (uintptr_t)table[i].start % table[i].align != 0;
        for (unsigned k = 0; k < table[i].size; k++) {
            bad += table[i].start[k] != 0;
            table[i].start[k] = (unsigned char)(i + 1);
        }
    }
    printf("%u commons, %d bad\n", count, bad);
    return bad != 0;
}
