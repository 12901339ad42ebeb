// Threads with mutex, condition, barrier, keys with destructors, once, and a detached cancel.
//#compilers: gcc clang
//#flags: -O2 -pthread | -O0 -fno-pie
//#link: -lpthread
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int turn, destroyed, initialised;

static void init(void) { initialised++; }

static void destroy(void *value)
{
    pthread_mutex_lock(&lock);
    destroyed += *(int *)value;
    free(value);
    pthread_mutex_unlock(&lock);
}

static void *work(void *arg)
{
    long me = (long)arg;
    int *mine = malloc(sizeof *mine);
    *mine = (int)me + 1;
    pthread_once(&once, init);
    pthread_setspecific(key, mine);
    for (int round = 0; round < 3; round++) {
        pthread_mutex_lock(&lock);
        while (turn % 4 != me)
            pthread_cond_wait(&ready, &lock);
        printf("thread %ld round %d\n", me, round);
        turn++;
        pthread_cond_broadcast(&ready);
        pthread_mutex_unlock(&lock);
    }
    return (void *)(me * me);
}

static void cleanup(void *arg) { printf("cleanup %s\n", (char *)arg); }

static void *wait_for_ever(void *arg)
{
    pthread_cleanup_push(cleanup, arg);
    pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    pthread_mutex_lock(&own);
    for (;;)
        pthread_cond_wait(&never, &own);
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void)
{
    pthread_t threads[4];
    long sum = 0;
    pthread_key_create(&key, destroy);
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    printf("sum %ld destroyed %d once %d\n", sum, destroyed, initialised);
    pthread_t waiting;
    void *result;
    pthread_create(&waiting, NULL, wait_for_ever, "of cancelled");
    pthread_cancel(waiting);
    pthread_join(waiting, &result);
    printf("cancelled %d\n", result == PTHREAD_CANCELED);
    return 0;
}
