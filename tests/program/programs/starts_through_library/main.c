// A program whose own _start sets something up and has the C library call main(), as Free Pascal's do that use the C
// library, and older start files: with functions for before and after main(), and with none but its constructors.
//#flags: -fPIE | -fno-pie -DBRINGS_FUNCTIONS
//#native: -nostartfiles
//#uruk: -nostartfiles
//#args: one "two three"
//#exit: 4
#include <stdio.h>
#include <stdlib.h>

typedef void (*function)(void);
int __libc_start_main(int (*)(int, char **, char **), int, char **, void (*)(int, char **, char **), function, function,
                      void *);

static int set_up;

int main(int argc, char **argv, char **envp) {
    printf("%d %d %s %d\n", set_up, argc, argv[2], envp == argv + argc + 1);
    return 4;
}

#ifdef BRINGS_FUNCTIONS
static void before(int argc, char **argv, char **envp) { printf("before %d %s %d\n", argc, argv[1], !envp); }
static void after(void) { puts("after"); }
#else
#define before 0
#define after 0
__attribute__((constructor)) static void constructor(int argc) { printf("constructor %d\n", argc); }
__attribute__((destructor)) static void destructor(void) { puts("destructor"); }
#endif

__attribute__((used)) void start(long *stack, function of_loader) {
    set_up = 5;
    __libc_start_main(main, stack[0], (char **)(stack + 1), before, after, of_loader, stack);
}

#ifdef __x86_64__
__asm__(".globl _start\n_start: mov %rsp, %rdi\n mov %rdx, %rsi\n and $-16, %rsp\n call start\n");
#else
__asm__(".globl _start\n_start: mov x1, x0\n mov x0, sp\n bl start\n");
#endif
