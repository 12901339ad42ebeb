// Threads that run before a thread-local is first touched, many threads, and a thread that ends others' copies.
//#compilers: gcc clang
//#flags: -O2 -fPIC | -O2
//#link: -lpthread
#include <pthread.h>
#include <stdio.h>

#define COUNT 40
__thread long big[64] = {11, [63] = 22};
__thread long sum;
static pthread_barrier_t all;
static long totals[COUNT];

static void *work(void *arg)
{
    long n = (long)arg;
    pthread_barrier_wait(&all);
    for (int i = 0; i < 64; i++)
        big[i] += n;
    pthread_barrier_wait(&all);
    for (int i = 0; i < 64; i++)
        sum += big[i];
    totals[n] = sum;
    return NULL;
}

int main(void)
{
    pthread_t threads[COUNT];
    long total = 0;
    pthread_barrier_init(&all, NULL, COUNT);
    for (long i = 0; i < COUNT; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < COUNT; i++) {
        pthread_join(threads[i], NULL);
        total += totals[i];
    }
    printf("%ld %ld %ld %ld\n", total, totals[3], big[0], sum);
    return 0;
}
