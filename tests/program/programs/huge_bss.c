// 1.9 GB of zero-filled data, which code with default flags reaches: 32-bit fields have 2 GiB between code and its end.
//#compilers: gcc
//#flags: -O1 | -O1 -mcmodel=medium
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
