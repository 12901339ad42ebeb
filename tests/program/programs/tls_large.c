// More thread-local storage than a running process has to spare, by the default model of an executable.
//#compilers: gcc clang
//#flags: -O0 | -O2 -fno-pie
//#link: -lpthread
//#args: one two
//#exit: 4
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __thread char buffer[20000] = "begin";
static __thread int count = 5;

static void *work(void *argument)
{
    memset(buffer + 100, 'x', sizeof buffer - 101);
    count += *(int *)argument;
    printf("%s %d %zu\n", buffer, count, strlen(buffer + 100));
    return 0;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        pthread_t thread;
        pthread_create(&thread, 0, work, &i);
        pthread_join(thread, 0);
    }
    printf("%s %d %s %s\n", buffer, count, argv[argc - 1], getenv("GLIBC_TUNABLES") ? "changed" : "unchanged");
    return 4;
}
