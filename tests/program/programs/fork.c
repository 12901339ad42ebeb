// fork, exec and wait; pthread_atfork handlers; a child's exit flushes its own copy of the buffer only.
//#compilers: gcc clang
//#exit: 0
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void before(void) { puts("prepare"); fflush(stdout); }
static void parent(void) { puts("parent"); fflush(stdout); }
static void child(void) { _Exit(child ? 17 : 18); }

int main(void)
{
    int status;
    pthread_atfork(before, NULL, NULL);
    pid_t pid = fork();
    if (pid == 0) {
        puts("in the child");
        exit(3);
    }
    waitpid(pid, &status, 0);
    printf("child gave %d\n", WEXITSTATUS(status));
    fflush(stdout);
    pthread_atfork(NULL, parent, child);
    pid = fork();
    if (pid == 0)
        puts("not reached");
    waitpid(pid, &status, 0);
    printf("child gave %d\n", WEXITSTATUS(status));
    fflush(stdout);
    pid = vfork();
    if (pid == 0) {
        execlp("sh", "sh", "-c", "echo from the shell; exit 5", (char *)NULL);
        _exit(1);
    }
    waitpid(pid, &status, 0);
    printf("shell gave %d, system gave %d\n", WEXITSTATUS(status), WEXITSTATUS(system("exit 7")));
    return 0;
}
