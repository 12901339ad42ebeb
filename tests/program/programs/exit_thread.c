// exit() called by a thread that is not the first: handlers run there, the process ends with its status.
//#exit: 6
//#link: -lpthread
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static __thread int mine = 1;
static void at_end(void) { printf("handler sees %d\n", mine); }

static void *work(void *arg)
{
    mine = 2;
    exit(*(int *)arg);
}

int main(void)
{
    int status = 6;
    pthread_t t;
    atexit(at_end);
    pthread_create(&t, NULL, work, &status);
    pthread_join(t, NULL);
    puts("not reached");
    return 0;
}
