/* Last words: which signal ends the process, where, and what it accessed. */

#define _GNU_SOURCE
#include "trampoline.h"
#include "linux.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS};
static pid_t process;

static void crash_handler(int number, siginfo_t *info, void *context)
{
    if (run_trampoline(number, info, context))
        return;
    char text[160];
    struct sigaction before = {.sa_handler = SIG_DFL};
    sigaction(number, &before, 0); /* so that it happens again, and ends the process */
    if (getpid() == process) {     /* not a child that the program has forked */
        format_text(text, sizeof text, "uruk-crash signal=%d address=0x%" PRIx64 " pc=0x%" PRIx64 " sp=0x%" PRIx64, number,
                    (word)info->si_addr, pc_of(context), sp_of(context));
        send_last_words(text);
        unlink_shared_memory();
    }
    if (info->si_code <= 0) /* sent by somebody, not a fault */
        syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
}

struct uruk_hidden hidden = {(void *)crash_handler, own_stack, {{0, 0}, {0, 0}}};

/* LeakSanitizer's runtime takes the place of sigaction, which does nothing until this is called: by an object of a
 * program that gcc links itself (liblsan_preinit.o), and else by the first malloc, which comes later here. */
void __lsan_init(void) __attribute__((weak));

void report_crashes(void)
{
    if (__lsan_init)
        __lsan_init();
    struct sigaction action = {.sa_sigaction = crash_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    process = getpid();
    use_alternate_stacks(hidden.stand_ins);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, 0);
}
