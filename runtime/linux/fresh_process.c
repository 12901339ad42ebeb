/* Give this process the state in which a C program's main begins, as far as the Python interpreter changed it. */

#define _GNU_SOURCE
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <sys/stat.h>
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

/* PYTHONUNBUFFERED makes the C library's streams unbuffered too. They get the buffer that they would have had: of the
 * file's block size, written by lines on a terminal. */
static void buffer_stream(FILE *stream, char *buffer)
{
    struct stat file;
    size_t size = BUFSIZ;
    if (__fbufsize(stream) != 1)
        return;
    if (fstat(fileno(stream), &file) == 0 && file.st_blksize > 0 && file.st_blksize < BUFSIZ)
        size = file.st_blksize;
    setvbuf(stream, buffer, isatty(fileno(stream)) ? _IOLBF : _IOFBF, size);
}

static void buffer_streams(void)
{
    static char in[BUFSIZ], out[BUFSIZ];
    buffer_stream(stdin, in);
    buffer_stream(stdout, out);
}

/* Signals, buffers of standard streams, locale and errno. Descriptors, signal mask and limits stay as they are. */
EXPORTED void uruk_rt_fresh_process(void)
{
    reset_signals();
    buffer_streams();
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
