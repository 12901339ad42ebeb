// A common symbol draws the archive member that initialises it; members with a common symbol, a weak one or none do not.
//#compilers: gcc clang
//#flags: -fcommon | -fcommon -O2 -fPIC
//#step: ar rcs libvalues.a {build}/common_too.o {build}/weak.o {build}/values.o {build}/other.o
//#objects: main.o libvalues.a
#include <stdio.h>

int limit;
double table[4];
int only_weak;
int nowhere;
int needed_by_the_member = 1;

int main(void)
{
    printf("%d %g %g %d %d\n", limit, table[0], table[3], only_weak, nowhere);
    return 0;
}
