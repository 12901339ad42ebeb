/* atexit, at_quick_exit and pthread_atfork belong to the module that calls them: taken out with its handle. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern void *__dso_handle __attribute__((visibility("hidden")));
extern void __cxa_finalize(void *);

static void one(void) { puts("one"), fflush(stdout); }
static void two(void) { puts("two"), fflush(stdout); }
static void prepare(void) { puts("prepare"), fflush(stdout); }
static void parent(void) { puts("parent"), fflush(stdout); }
static void child(void) { puts("child"), fflush(stdout); }

static void fork_once(void)
{
    pid_t pid = fork();
    if (!pid)
        _exit(0);
    waitpid(pid, 0, 0);
}

int main(int argc, char **argv)
{
    atexit(one);
    atexit(two);
    at_quick_exit(one);
    at_quick_exit(two);
    pthread_atfork(prepare, parent, child);
    fork_once();
    if (argc > 1 && !strcmp(argv[1], "finalize")) {
        __cxa_finalize(&__dso_handle);
        puts("finalized"), fflush(stdout);
        fork_once();
    }
    if (argc > 1 && !strcmp(argv[1], "quick"))
        quick_exit(3);
    return 4;
}
