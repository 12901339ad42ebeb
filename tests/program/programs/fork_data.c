// A forked child has data of its own: variables, zero-filled ones, and a large array, but shared memory is shared.
//#compilers: gcc clang
//#exit: 0
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int variable = 5, zero, order[64];
static char large[100 << 20];

static void before(void) { variable += 10; }
static void child(void) { zero += 1; }

static void *thread(void *unused)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        variable += 100;
        large[70 << 20] = 2;
        _exit(variable - 100 + zero);
    }
    waitpid(pid, &status, 0);
    printf("thread: %d, child %d\n", variable, WEXITSTATUS(status));
    return unused;
}

int main(void)
{
    int status;
    int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_atfork(before, NULL, child);
    large[70 << 20] = 1;
    for (int turn = 0; turn < 20; turn++) {
        fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            order[turn] = variable += 100;
            large[5] = large[70 << 20] += 7;
            *shared += zero;
            pid_t inner = fork();
            if (inner == 0) {
                variable = 1000;
                _exit(large[5] + large[70 << 20] + large[99 << 20]);
            }
            waitpid(inner, &status, 0);
            _exit(WEXITSTATUS(status) + (variable == 1000));
        }
        variable += 1;
        waitpid(pid, &status, 0);
        if (turn % 5 == 0)
            printf("%d: variable %d zero %d order %d large %d %d shared %d child %d\n", turn, variable, zero,
                   order[turn], large[5], large[70 << 20], *shared, WEXITSTATUS(status));
    }
    pthread_t one;
    pthread_create(&one, NULL, thread, NULL);
    pthread_join(one, NULL);
    return 0;
}
