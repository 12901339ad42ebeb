// Handlers with siginfo, masks, an alternate stack, and a fault caught in linked code.
//#compilers: gcc clang
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static volatile sig_atomic_t seen[65];
static sigjmp_buf out;
static char stack_memory[64 * 1024];

static void count(int sig, siginfo_t *info, void *context)
{
    (void)context;
    seen[sig] += info->si_code == SI_TKILL ? 1 : 100;
}

static void fault(int sig, siginfo_t *info, void *context)
{
    char here;
    (void)context;
    int alternate = &here >= stack_memory && &here < stack_memory + sizeof stack_memory;
    siglongjmp(out, sig == SIGSEGV && info->si_code == SEGV_ACCERR && alternate ? 1 : 2);
}

int main(void)
{
    struct sigaction act = {.sa_sigaction = count, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &act, NULL);
    sigaction(SIGUSR2, &act, NULL);
    raise(SIGUSR1);
    raise(SIGUSR1);
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, &old);
    raise(SIGUSR2);
    printf("blocked: %d\n", (int)seen[SIGUSR2]);
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("seen: %d %d\n", (int)seen[SIGUSR1], (int)seen[SIGUSR2]);

    stack_t alternate = {.ss_sp = stack_memory, .ss_size = sizeof stack_memory};
    sigaltstack(&alternate, NULL);
    struct sigaction on_fault = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &on_fault, NULL);
    volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int kind = sigsetjmp(out, 1);
    if (!kind)
        *page = 1;
    printf("fault: %d\n", kind);
    return 0;
}
