// assert() prints file, line and function; its text carries the program's name, so it is sent to stdout here.
//#signal: SIGABRT
#include <assert.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

static void on_abort(int sig)
{
    puts("handler");
    fflush(stdout);
    signal(sig, SIG_DFL);
}

int main(void)
{
    int value = 1;
    fclose(stderr);
    signal(SIGABRT, on_abort);
    assert(value == 2 && "the value");
    return 0;
}
