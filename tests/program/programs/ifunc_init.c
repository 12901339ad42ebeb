// Resolvers run before constructors, may read relocated data and call functions of their own object.
//#compilers: gcc clang
//#flags: -O0 -fPIE | -O1 -fPIC
#include <stdio.h>

static int a(void) { return 1; }
static int b(void) { return 2; }
static int (*const table[])(void) = {a, b};
static int level = 1;
__attribute__((noinline)) static int select_level(void) { return level; }
static int (*resolve(void))(void) { return table[select_level()]; }
int fast(void) __attribute__((ifunc("resolve")));

__attribute__((constructor)) static void start(void)
{
    level = 0;
    printf("constructor: %d\n", fast());
}

int main(void)
{
    printf("main: %d\n", fast());
    return 0;
}
