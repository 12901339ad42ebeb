// A thread has no alternate stack until it sets one; its handler sees it through a stack overflow, and again none is left.
//#compilers: gcc clang
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <threads.h>

static _Thread_local sigjmp_buf out;
// One thread comes after the other, so all may use it; thread-local storage of a Python in an emulator is too small.
static char stack_memory[64 * 1024];

static int deep(int n)
{
    volatile char room[1024];
    room[0] = (char)n;
    return deep(n + 1) + room[0];
}

static void fault(int sig, siginfo_t *info, void *context)
{
    char here;
    (void)info;
    (void)context;
    int alternate = &here >= stack_memory && &here < stack_memory + sizeof stack_memory;
    siglongjmp(out, sig == SIGSEGV && alternate ? 1 : 2);
}

static void show(const char *when)
{
    stack_t now;
    sigaltstack(NULL, &now);
    int its_own = now.ss_sp == stack_memory;
    printf("%s: flags %d, its own %d, size %zu\n", when, now.ss_flags, its_own, its_own ? now.ss_size : 0);
}

static void *work(void *leaves_it)
{
    stack_t own = {.ss_sp = stack_memory, .ss_size = sizeof stack_memory}, before;
    show("at first");
    sigaltstack(&own, &before);
    printf("before: flags %d, size %zu\n", before.ss_flags, before.ss_flags ? 0 : before.ss_size);
    show("with one");
    int kind = sigsetjmp(out, 1);
    if (!kind)
        deep(0);
    printf("overflow: %d\n", kind);
    if (leaves_it)
        return NULL;
    sigaltstack(&before, &own);
    printf("its own: %d\n", own.ss_sp == stack_memory);
    show("at last");
    return NULL;
}

static int work_c11(void *argument)
{
    work(argument);
    return 7;
}

int main(void)
{
    struct sigaction on_fault = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaction(SIGSEGV, &on_fault, NULL);
    for (intptr_t leaves_it = 0; leaves_it < 2; leaves_it++) {
        pthread_t thread;
        pthread_create(&thread, NULL, work, (void *)leaves_it);
        pthread_join(thread, NULL);
        thrd_t other;
        int status;
        thrd_create(&other, work_c11, (void *)leaves_it);
        thrd_join(other, &status);
        printf("status: %d\n", status);
    }
    return 0;
}
