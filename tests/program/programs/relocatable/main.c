// `ld -r` of several objects: merged sections, section symbols with addends, initialisers, strings, debug information.
//#compilers: gcc clang
//#flags: -O1 | -O2 -fPIC -g | -O1 -mcmodel=large -ffunction-sections
//#sources: main.c part_a.c part_b.c
//#step: ld -r -o parts.o part_a.o part_b.o
//#step: ld -r -o all.o main.o parts.o
//#objects: all.o
#include <stdio.h>

int part_a(int), part_b(int);
extern int started;

int main(void)
{
    printf("%d %d started %d\n", part_a(1), part_b(2), started);
    return 0;
}
