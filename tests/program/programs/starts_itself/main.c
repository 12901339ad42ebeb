// A program that has its own _start and runs its initialisers and finalisers itself: the arrays hold those of objects
// and of members of an archive, by priority, and nobody else runs them.
//#compilers: gcc clang
//#flags: @pic
//#native: -nostartfiles
//#uruk: -nostartfiles
//#archive: libmember.a: member.c
//#exit: 3
#include <stdio.h>
#include <stdlib.h>

typedef void (*function)(void);
extern function __init_array_start[], __init_array_end[], __fini_array_start[], __fini_array_end[];

int member(void);

__attribute__((constructor)) static void plain(void) { puts("plain"); }
__attribute__((constructor(300))) static void late(void) { puts("300"); }
__attribute__((destructor(300))) static void last(void) { puts("last"); }
__attribute__((destructor)) static void first(void) { puts("first"); }

__attribute__((used)) void start(void) {
    printf("%ld\n", (long)(__init_array_end - __init_array_start));
    for (function *one = __init_array_start; one < __init_array_end; one++) (*one)();
    printf("member %d\n", member());
    for (function *one = __fini_array_end; one > __fini_array_start;) (*--one)();
    fflush(0);
    _Exit(3);
}

#ifdef __x86_64__
__asm__(".globl _start\n_start: and $-16, %rsp\n call start\n");
#else
__asm__(".globl _start\n_start: bl start\n");
#endif
