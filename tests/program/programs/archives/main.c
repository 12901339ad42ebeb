// Archives: members pulled on request only, through each other, first definition wins, thin, with two symbols a member.
//#compilers: gcc clang
//#step: ar rcs libfirst.a {build}/one.o {build}/shared_first.o {build}/never.o
//#step: ar rcsT libthin.a shared_second.o two.o
//#step: ar rc libsecond.a three.o
//#step: ranlib libsecond.a
//#objects: main.o libfirst.a libthin.a libsecond.a libfirst.a
#include <stdio.h>

int one(void);
__attribute__((weak)) int only_weak(void);
__attribute__((constructor)) static void start(void) { puts("main object"); }

int main(void)
{
    printf("%d weak %d\n", one(), only_weak == NULL);
    return 0;
}
