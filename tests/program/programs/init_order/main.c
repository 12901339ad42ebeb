// Constructors and destructors with and without priorities, over three objects, with every kind of exit handler.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fno-pie | -O1 -mcmodel=large
//#sources: second.c main.c third.c
//#exit: 5
#define _DEFAULT_SOURCE
#include "log.h"

#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void plain(void) { say("main: constructor"); }
__attribute__((constructor(200))) static void early(void) { say("main: constructor 200"); }
__attribute__((constructor(101))) static void first(void) { say("main: constructor 101"); }
__attribute__((destructor)) static void plain_down(void) { say("main: destructor"); }
__attribute__((destructor(101))) static void last_down(void) { say("main: destructor 101"); }
__attribute__((constructor, destructor)) static void both(void) { say("main: both"); }

static void nested(void) { say("nested atexit"); }

static void first_exit(void)
{
    say("first atexit");
    atexit(nested);
}

static void second_exit(void) { say("second atexit"); }
static void with_status(int status, void *arg) { printf("on_exit %d %s\n", status, (char *)arg); }
static void quick(void) { say("not a quick exit"); }

static void deep(int n)
{
    if (n)
        deep(n - 1);
    exit(5);
}

int main(void)
{
    say("main");
    atexit(first_exit);
    on_exit(with_status, "argument");
    atexit(second_exit);
    at_quick_exit(quick);
    deep(3);
}
