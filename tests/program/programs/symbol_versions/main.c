// Versions in symbols' names: of objects, of archive members, of a library's functions and data, of glibc's oldest.
//#compilers: gcc clang
//#flags: -O1 | -O1 -fPIC
//#step: {cc} -shared -fPIC -x c {dir}/library.txt -o libversioned.so -Wl,--version-script={dir}/library.map
//#step: ar rcs libmembers.a {build}/other.o {build}/member.o
//#sources: main.c own.c member.c other.c
//#objects: main.o own.o libmembers.a
//#link: -L. -lversioned
//#native: -Wl,-rpath,{build}
#include <stdio.h>
#include <string.h>

#ifdef __aarch64__
#define OLDEST "GLIBC_2.17"
#else
#define OLDEST "GLIBC_2.2.5"
#endif

int own(void), own_old(void), own_new(void);
__asm__(".symver own_old, own@OLD");
__asm__(".symver own_new, own@NEW");
int member(void), member_new(void);
__asm__(".symver member_new, member@NEW");
int shared(void), shared_old(void), shared_new(void);
__asm__(".symver shared_old, shared@V1");
__asm__(".symver shared_new, shared@V2");
void *old_memcpy(void *, const void *, size_t);
__asm__(".symver old_memcpy, memcpy@" OLDEST);
extern char **old_environ;
__asm__(".symver old_environ, environ@" OLDEST);
extern char **environ;

int main(void)
{
    char text[8];
    void *(*volatile copy)(void *, const void *, size_t) = old_memcpy;
    copy(text, "memcpy", 7);
    printf("%d %d %d, %d %d, %d %d %d, %s, %d\n", own(), own_old(), own_new(), member(), member_new(), shared(),
           shared_old(), shared_new(), text, &old_environ == &environ);
    return 0;
}
