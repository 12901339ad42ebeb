// Data of a library that -fno-pie code has a copy of can be written to where the library's can, and nowhere else.
//#compilers: clang
//#flags: -O1 -fno-pie
//#shared: libconstants.so: constants.c
//#native: -fuse-ld=lld
//#requires: ld.lld-19
//#places: child wire
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

extern int constant[2], *pointers[2], variable[2]; // the first two are const in the library, and nobody says so here
extern int (*overridden[1])(void);
int library_function(void) { return 9; }
static sigjmp_buf before;
static void on_fault(int number) { siglongjmp(before, number); }

static const char *try(volatile void *place)
{
    if (sigsetjmp(before, 1))
        return "constant";
    *(volatile char *)place = 7;
    return "variable";
}

int main(void)
{
    signal(SIGSEGV, on_fault);
    printf("%s %s %s\n", try(constant), try(pointers), try(variable));
    printf("%d %d %d %d\n", constant[1], *pointers[1], variable[1], overridden[0]());
    return 0;
}
