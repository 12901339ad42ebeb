// A program starts with SIGPIPE, SIGXFSZ, SIGINT and SIGCHLD at default, and nothing blocked.
#include <signal.h>
#include <stdio.h>

int main(void)
{
    const int signals[] = {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGCHLD, SIGSEGV, SIGUSR1, SIGHUP, SIGALRM};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction act;
        sigaction(signals[i], NULL, &act);
        printf("%d: %s\n", signals[i],
               act.sa_handler == SIG_DFL ? "default" : act.sa_handler == SIG_IGN ? "ignored" : "handled");
    }
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    int blocked = 0;
    for (int i = 1; i < 32; i++)
        blocked += sigismember(&mask, i);
    printf("blocked %d\n", blocked);
    return 0;
}
