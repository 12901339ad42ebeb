#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void caught(int number) {
    printf("caught %d\n", number);
    signal(number, caught);
}

static void last(int number) {
    printf("aborted by %d\n", number);
    exit(9);
}

int main(void) {
    printf("%d\n", signal(SIGINT, caught) == SIG_DFL);
    signal(SIGTERM, caught);
    signal(SIGFPE, SIG_IGN);
    raise(SIGINT);
    raise(SIGTERM);
    printf("%d\n", raise(SIGFPE));
    signal(SIGABRT, last);
    abort();
}
