// setjmp/longjmp across frames, sigsetjmp with the mask, and callee-saved registers restored.
//#compilers: gcc clang
//#flags: -O0 | -O2 | -O2 -fno-pie
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>

static jmp_buf here;
static sigjmp_buf sighere;

__attribute__((noinline)) static void down(int n)
{
    if (n == 0)
        longjmp(here, 7);
    down(n - 1);
    printf("never\n");
}

static void handler(int sig)
{
    siglongjmp(sighere, sig);
}

int main(void)
{
    volatile int tries = 0;
    int value = setjmp(here);
    printf("setjmp gave %d\n", value);
    if (tries++ < 3)
        down(10 * tries);
    if (_setjmp(here) == 0)
        longjmp(here, 0);
    printf("longjmp 0 gives 1\n");
    signal(SIGUSR1, handler);
    volatile int count = 0;
    int sig = sigsetjmp(sighere, 1);
    if (sig)
        printf("came back with %d\n", sig == SIGUSR1);
    if (count++ < 2)
        raise(SIGUSR1);
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    printf("blocked: %d\n", sigismember(&mask, SIGUSR1));
    return 0;
}
