// errno is the thread's own, and perror, strerror work on it.
//#compilers: gcc clang
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
//#link: -lm

static void *other(void *arg)
{
    (void)arg;
    printf("thread starts with %d\n", errno);
    strtol("99999999999999999999999", NULL, 10);
    printf("thread has ERANGE %d\n", errno == ERANGE);
    return NULL;
}

int main(void)
{
    if (open("/no/such/file", O_RDONLY) < 0)
        perror("open");
    pthread_t t;
    pthread_create(&t, NULL, other, NULL);
    pthread_join(t, NULL);
    printf("main still has ENOENT %d: %s\n", errno == ENOENT, strerror(errno));
    errno = 0;
    volatile double minus = -1;
    double root = sqrt(minus);
    printf("sqrt %d %d\n", isnan(root), errno == EDOM);
    printf("%m\n");
    return 0;
}
