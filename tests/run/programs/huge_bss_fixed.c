// As huge_bss.c, in code for a fixed address, which lies below 2 GiB: in a process of uruk's own there may be no room.
//#compilers: gcc
//#flags: -O1 -fno-pie
//#places: child wire
#include <stdio.h>

static char first[1500u << 20];
static char second[400u << 20];

int main(void)
{
    first[1499u << 20] = 3;
    second[sizeof second - 1] = 2;
    printf("%d %d\n", first[1499u << 20] + second[sizeof second - 1], first[0] + second[7]);
    return 0;
}
