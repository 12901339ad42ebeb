/* Trampolines on the stack (trampoline.h) in processes where no handler of the executor's runs them, and where the
 * program, or libgfortran for it, takes the signal. */

#define _GNU_SOURCE
#include "trampoline.h"

#include "signals.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

static struct sigaction behind; /* who is asked what is no trampoline */
static int running, of_program; /* whether linked code has set what is behind: it says itself what happened */

static void on_fault(int number, siginfo_t *info, void *context)
{
    struct sigaction next = behind;
    if (run_trampoline(number, info, context))
        return;
    if (info->si_code > 0) {
        if (uruk_enter_removed(info, context))
            return;
        uruk_tell_removed((uint64_t)info->si_addr);
        if (!of_program)
            uruk_tell_overflow(info, context);
    }
    if (next.sa_flags & SA_RESETHAND) {
        behind.sa_handler = SIG_DFL;
        behind.sa_flags = 0;
    }
    if (next.sa_flags & SA_SIGINFO) {
        next.sa_sigaction(number, info, context);
    } else if (next.sa_handler != SIG_DFL && next.sa_handler != SIG_IGN) {
        next.sa_handler(number);
    } else {
        sigaction(number, &next, NULL); /* so that it happens again, as it would have */
        if (info->si_code <= 0)         /* sent by somebody, not a fault */
            syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), number);
    }
}

/* Come before whoever has the signal now, with the signals held that he asked for, on the thread's alternate stack. */
EXPORTED void uruk_rt_run_trampolines(void)
{
    struct sigaction now, action;
    running = 1;
    sigaction(SIGSEGV, NULL, &now);
    if (now.sa_sigaction == on_fault || uruk_is_hidden_handler(now.sa_handler))
        return;
    behind = action = now;
    action.sa_sigaction = on_fault;
    action.sa_flags = (now.sa_flags & ~SA_RESETHAND) | SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, NULL);
}

void uruk_leave_faults(void)
{
    sigaction(SIGSEGV, &behind, NULL);
}

/* The program has set the action of a signal: stay installed, and show the action from before ours as its old one. */
__attribute__((visibility("hidden"))) void uruk_keep_trampolines(int number, int changed, struct sigaction *before)
{
    if (number != SIGSEGV || !running)
        return;
    if (before && before->sa_sigaction == on_fault)
        *before = behind;
    if (changed) {
        uruk_rt_run_trampolines();
        of_program = behind.sa_handler != SIG_DFL && behind.sa_handler != SIG_IGN;
    }
}

/* A Fortran program's first call: libgfortran takes the signals of faults. */
EXPORTED void uruk_rt__gfortran_set_options(int count, int *options)
{
    static const char *const names[] = {"libgfortran.so.5", "libgfortran.so.4", "libgfortran.so.3"};
    void (*set_options)(int, int *) = NULL;
    for (size_t i = 0; !set_options && i < sizeof names / sizeof *names; i++) {
        void *library = dlopen(names[i], RTLD_LAZY | RTLD_NOLOAD);
        if (library) {
            set_options = (void (*)(int, int *))dlsym(library, "_gfortran_set_options");
            dlclose(library);
        }
    }
    if (set_options)
        set_options(count, options);
    uruk_keep_trampolines(SIGSEGV, 1, NULL);
}
