// main ends by pthread_exit; the process goes on until the last thread ends, with status 0.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *late(void *arg)
{
    (void)arg;
    usleep(50000);
    puts("the last thread");
    return NULL;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, late, NULL);
    pthread_detach(thread);
    puts("main leaves");
    pthread_exit(NULL);
}
