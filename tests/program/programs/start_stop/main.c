// __start_X and __stop_X around a section collected from several objects, empty ones too, in each reference style.
//#compilers: gcc clang
//#flags: -O1 | -O1 -fPIC | -O1 -fno-pie | -O1 -mcmodel=large | -O2 -ffunction-sections -fdata-sections
#include "entry.h"

#include <stdio.h>

extern const struct entry __start_registry[], __stop_registry[];
extern const char __start_nothing_here[] __attribute__((weak)), __stop_nothing_here[] __attribute__((weak));
extern int __start_counters[], __stop_counters[];

REGISTER(from_main, 1);
__attribute__((section("counters"), used)) static int counter = 5;

int main(void)
{
    for (const struct entry *e = __start_registry; e < __stop_registry; e++)
        printf("%s %d\n", e->name, e->value());
    printf("%d entries, none: %d\n", (int)(__stop_registry - __start_registry),
           __start_nothing_here == NULL && __stop_nothing_here == NULL);
    int sum = 0;
    for (int *p = __start_counters; p != __stop_counters; p++)
        sum += (*p)++;
    printf("sum %d %d\n", sum, counter);
    return 0;
}
