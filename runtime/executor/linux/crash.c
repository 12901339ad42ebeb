/* Last words: which signal ends the process, where, and what it accessed. */

#define _GNU_SOURCE
#include "trampoline.h"
#include "executor.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
static pid_t process;

static word program_counter(const ucontext_t *context)
{
#if defined __x86_64__
    return (word)context->uc_mcontext.gregs[REG_RIP];
#elif defined __aarch64__
    return context->uc_mcontext.pc;
#endif
}

static char *put_number(char *at, const char *name, word value, unsigned base)
{
    static const char digits[] = "0123456789abcdef";
    char reversed[24];
    int count = 0;
    while (*name)
        *at++ = *name++;
    do
        reversed[count++] = digits[value % base];
    while (value /= base);
    while (count)
        *at++ = reversed[--count];
    *at = 0;
    return at;
}

void crash_handler(int number, siginfo_t *info, void *context)
{
    if (run_trampoline(number, info, context))
        return;
    char text[160] = "uruk-crash";
    struct sigaction before = {.sa_handler = SIG_DFL};
    sigaction(number, &before, 0); /* so that it happens again, and ends the process */
    if (getpid() == process) {     /* not a child that the program has forked */
        char *at = put_number(text + strlen(text), " signal=", (word)number, 10);
        at = put_number(at, " address=0x", (word)info->si_addr, 16);
        at = put_number(at, " pc=0x", program_counter(context), 16);
        put_number(at, " sp=0x", sp_of(context), 16);
        send_last_words(text);
        unlink_shared_memory();
    }
    if (info->si_code <= 0) /* sent by somebody, not a fault */
        syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
}

/* LeakSanitizer's runtime takes the place of sigaction, which does nothing until this is called: by an object of a
 * program that gcc links itself (liblsan_preinit.o), and else by the first malloc, which comes later here. */
void __lsan_init(void) __attribute__((weak));

void report_crashes(void)
{
    if (__lsan_init)
        __lsan_init();
    struct sigaction action = {.sa_sigaction = crash_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    process = getpid();
    use_alternate_stacks();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, 0);
}
