// Absolute symbols, sizes by SIZE32/SIZE64, expressions of symbols, and 8, 16, 32-bit absolute and relative fields.
//#compilers: gcc
//#flags: -O1 -fno-pie
//#sources: main.c fields.s elsewhere.s
#include <stdio.h>

extern char absolute_small[];
extern const long negative;
extern unsigned char field8;
extern unsigned short field16;
extern unsigned int field32, size32;
long field32s(void);
extern unsigned long size64, field64;
extern signed char relative8;
extern short relative16;
extern int relative32;
extern long relative64;
int table[12];
extern char target;

int main(void)
{
    printf("%ld %ld\n", (long)absolute_small, negative);
    printf("%u %u %u %d %lu\n", field8, field16, field32, (int)field32s(), field64);
    printf("%u %lu\n", size32, size64);
    printf("%d %d %d %d\n", &target == (char *)&relative8 + relative8, &target == (char *)&relative16 + relative16,
           &target == (char *)&relative32 + relative32, &target == (char *)&relative64 + relative64);
    return 0;
}
