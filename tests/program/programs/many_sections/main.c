// More than 65,280 sections: extended section indices in symbols, header fields and relocations.
//#generate: generate.py
//#sources: main.c many.s
//#timeout: 120
#include <stdio.h>

extern int (*const table[])(void);
extern const int count;
int first(void), last(void);

int main(void)
{
    long sum = 0;
    for (int i = 0; i < count; i++)
        sum += table[i]();
    printf("%d %d %d %ld\n", count, first(), last(), sum);
    return 0;
}
