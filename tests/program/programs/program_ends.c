// The linker's own names of a program: a collector that scans from __data_start to _end finds all its roots.
//#compilers: gcc clang
//#flags: -O0 | -O1 -fPIC | -O1 -fno-pie | -O1 -fcommon -fdata-sections
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

extern char __executable_start[], etext[], _etext[], edata[], _edata[], __bss_start[], end[], _end[], __data_start[];
extern char data_start[] __attribute__((weak)), nowhere[] __attribute__((weak));

static char *initialised = edata;
static char *zero;
char *common_or_bss;
static char *first_roots[2], *far_roots[100000];

static int is_root(const char *block)
{
    int found = 0;
    for (uintptr_t at = ((uintptr_t)__data_start + 7) & -(uintptr_t)8; at + 8 <= (uintptr_t)_end; at += 8)
        found += *(char **)at == block;
    return found;
}

int main(void)
{
    char **keep[] = {&initialised, &zero, &common_or_bss, &first_roots[1], &far_roots[99999]};
    for (int i = 0; i < 5; i++) {
        char *block = malloc(32);
        *keep[i] = block;
        printf("%d ", is_root(block));
        *keep[i] = NULL;
    }
    printf("%d %d %d %d %d %d\n", __executable_start < (char *)main && (char *)main < etext, etext == _etext,
           edata == _edata && edata <= _end, end == _end && __bss_start <= end, data_start == __data_start, nowhere == NULL);
    return 0;
}
