// SIGINT ends the program at once; Python's own handler is not in the way.
//#signal: SIGINT
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    puts("before");
    fflush(stdout);
    kill(getpid(), SIGINT);
    puts("not reached");
    return 0;
}
