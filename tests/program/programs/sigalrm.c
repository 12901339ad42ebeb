// Interval timers: handled a few times in a pause, then at default it ends the program.
//#signal: SIGALRM
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t ticks;
static void tick(int sig) { (void)sig; ticks++; }

int main(void)
{
    struct itimerval every = {{0, 2000}, {0, 2000}};
    sigset_t blocked, none;
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGALRM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    signal(SIGALRM, tick);
    setitimer(ITIMER_REAL, &every, NULL);
    while (ticks < 5)
        sigsuspend(&none);
    puts("five ticks");
    fflush(stdout);
    signal(SIGALRM, SIG_DFL);
    for (;;)
        sigsuspend(&none);
}
