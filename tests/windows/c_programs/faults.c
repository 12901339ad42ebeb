/* A handler of SIGSEGV: MinGW's start files make signals of exceptions. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void caught(int number) {
    printf("caught %d\n", number);
    exit(4);
}

int main(void) {
    signal(SIGSEGV, caught);
    volatile int *nothing = 0;
    printf("before\n");
    return *nothing;
}
