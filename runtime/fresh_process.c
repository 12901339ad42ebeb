/* Give this process the state in which a C program's main begins, as far as the Python interpreter changed it. */

#define _GNU_SOURCE
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

/* execve sets signals that have a handler to their default and keeps ignored ones ignored. Python ignores SIGPIPE and
 * SIGXFSZ by itself when it starts. */
static void reset_signals(void)
{
    struct sigaction action;
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (sigaction(number, 0, &action))
            continue; /* glibc keeps two for itself */
        int handled = action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN;
        if (handled || number == SIGPIPE || number == SIGXFSZ)
            signal(number, SIG_DFL);
    }
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, 0);
}

/* Signals, locale and errno. Standard streams, descriptors, signal mask and limits stay as they are. */
EXPORTED void uruk_rt_fresh_process(void)
{
    reset_signals();
    setlocale(LC_ALL, "C");
    errno = 0;
}

/* Make `envp` the environment. The caller keeps the block for the life of the process. */
EXPORTED void uruk_rt_set_environ(char **envp)
{
    environ = envp;
}

/* The name that assert, err and error print. The caller keeps the text for the life of the process. */
EXPORTED void uruk_rt_set_program_name(char *name)
{
    char *slash = strrchr(name, '/');
    program_invocation_name = name;
    program_invocation_short_name = slash ? slash + 1 : name;
}
