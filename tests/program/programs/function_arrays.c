// The arrays of initialisers and finalisers of a program that has a start file: its own functions stand in them, in
// the order of their priorities; the array that it has none for is empty.
//#compilers: gcc clang
//#flags: @pic
#include <stdio.h>

typedef void (*function)(void);
extern function __preinit_array_start[], __preinit_array_end[], __init_array_start[], __init_array_end[];
extern function __fini_array_start[] __attribute__((weak)), __fini_array_end[] __attribute__((weak));

static int ran;
__attribute__((constructor)) static void plain(void) { ran |= 1; }
__attribute__((constructor(400))) static void before(void) { ran |= 2; }
__attribute__((destructor)) static void destructor(void) { }

static int place(function wanted, function *begin, function *end) {
    for (function *one = begin; one < end; one++)
        if (*one == wanted) return (int)(one - begin);
    return -1;
}

int main(void) {
    int first = place(before, __init_array_start, __init_array_end);
    int second = place(plain, __init_array_start, __init_array_end);
    printf("%d %d %d\n", ran, first >= 0, first < second);
    printf("%d\n", place(destructor, __fini_array_start, __fini_array_end) >= 0);
    printf("%ld\n", (long)(__preinit_array_end - __preinit_array_start));
    return 0;
}
