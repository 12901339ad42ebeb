/* State that an interpreter leaves behind, put back. */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern void uruk_rt_fresh_process(void), uruk_rt_set_environ(char **), uruk_rt_set_program_name(char *);
extern void uruk_rt_exit_main(int (*)(int, char **, char **), int, char **, char **);
extern int uruk_rt_run_main(int (*)(int, char **, char **), int, char **, char **);

static void handler(int number) { (void)number; }
static const char *disposition(int number)
{
    struct sigaction action;
    sigaction(number, 0, &action);
    return action.sa_handler == SIG_DFL ? "default" : action.sa_handler == SIG_IGN ? "ignored" : "handled";
}
static void show(void)
{
    printf("PIPE %s, XFSZ %s, INT %s, SEGV %s, HUP %s, RTMIN %s, decimal point %s\n", disposition(SIGPIPE),
           disposition(SIGXFSZ), disposition(SIGINT), disposition(SIGSEGV), disposition(SIGHUP),
           disposition(SIGRTMIN), localeconv()->decimal_point);
}
static int entry(int argc, char **argv, char **envp)
{
    printf("main %d %s %s %s\n", argc, argv[0], envp[0], getenv("A"));
    return 7;
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN), signal(SIGXFSZ, SIG_IGN), signal(SIGHUP, SIG_IGN);
    signal(SIGINT, handler), signal(SIGSEGV, handler), signal(SIGRTMIN, handler);
    setlocale(LC_ALL, "C.UTF-8");
    setenv("LC_CTYPE", "C.UTF-8", 1);
    sigset_t blocked;
    sigemptyset(&blocked), sigaddset(&blocked, SIGUSR1), sigprocmask(SIG_BLOCK, &blocked, 0);
    show();
    errno = 5;
    uruk_rt_fresh_process();
    printf("errno %d, locale %s\n", errno, setlocale(LC_ALL, 0));
    show();
    sigprocmask(SIG_BLOCK, 0, &blocked);
    printf("USR1 blocked %d\n", sigismember(&blocked, SIGUSR1));
    char *envp[] = {"A=1", 0}, *argv[] = {"dir/program", 0};
    uruk_rt_set_environ(envp);
    uruk_rt_set_program_name(argv[0]);
    printf("%s %s %d\n", program_invocation_name, program_invocation_short_name, getenv("LC_CTYPE") == 0);
    printf("%d\n", uruk_rt_run_main(entry, 1, argv, environ));
    uruk_rt_exit_main(entry, 1, argv, environ);
}
