// A library's variable by its version, from -fno-pie code: a copy, to which the library and the plain name are led.
//#compilers: gcc clang
//#flags: -O1 -fno-pie
//#places: child wire
#include <stdio.h>
#include <stdlib.h>

#ifdef __aarch64__
#define OLDEST "GLIBC_2.17"
#else
#define OLDEST "GLIBC_2.2.5"
#endif

extern char **versioned, **environ;
__asm__(".symver versioned, environ@" OLDEST);

int main(void)
{
    static char *mine[] = {"NAME=value", NULL};
    versioned = mine;
    printf("%d %s\n", environ == mine, getenv("NAME"));
    return 0;
}
