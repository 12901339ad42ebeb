// Common symbols: the largest size and alignment win, a definition wins over all, every object sees one.
//#compilers: gcc clang
//#flags: -fcommon | -fcommon -fPIC | -fcommon -fno-pie | -fcommon -mcmodel=large
#include <stdint.h>
#include <stdio.h>

char small_here[10];
int defined_there;
char mixed[100];
_Alignas(64) char aligned_here[64];
char aligned_there[3];
double only_here;
char huge[5000000];
void fill(void);
void *where(int n);

int main(void)
{
    fill();
    printf("%d %d %d %g\n", small_here[999 % 10], defined_there, mixed[99], only_here);
    printf("%d %d\n", (int)((uintptr_t)aligned_here % 64), (int)((uintptr_t)aligned_there % 128));
    printf("%d %d %d\n", where(0) == small_here, where(1) == &defined_there, where(2) == mixed);
    printf("%d %d\n", huge[4999999], huge[0]);
    huge[4999999] = 1;
    return huge[0];
}
