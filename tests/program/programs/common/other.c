#include <string.h>

char small_here[1000];
int defined_there = 12;
char mixed[5000];
char aligned_here[3];
_Alignas(128) char aligned_there[256];
extern double only_here;

void fill(void)
{
    memset(small_here, 1, sizeof small_here);
    memset(mixed, 2, sizeof mixed);
    memset(aligned_there, 3, sizeof aligned_there);
    only_here = 2.5;
}

void *where(int n)
{
    return n == 0 ? (void *)small_here : n == 1 ? (void *)&defined_there : (void *)mixed;
}
