// Thread-locals over three objects: initialised, zero, static, aligned, pointers in .tdata, old and new threads.
//#compilers: gcc clang
//#flags: @tls
//#flags[clang]: -O0 | -O2 -fPIC | -O2 -fno-pie | -O1 -fPIC -ftls-model=local-dynamic | -O1 -ftls-model=local-exec | -O1 -mcmodel=large | -O1 -fPIC -mtls-dialect=gnu2 | -O1 -fPIC -mcmodel=large
//#link: -lpthread
#include "tls.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static __thread int hits = 100;
static __thread int zero;
static __thread char text[20] = "initial";

static void *work(void *arg)
{
    long n = (long)arg;
    for (int i = 0; i < 1000; i++) {
        hits++;
        zero += 2;
        bump((int)n);
    }
    snprintf(text, sizeof text, "thread %ld", n);
    snprintf(lines[n], sizeof lines[n], "%s hits %d zero %d shared %d %s", text, hits, zero, shared, describe());
    return NULL;
}

int main(void)
{
    pthread_t threads[4];
    printf("start %s %d %d %s\n", text, hits, zero, describe());
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        puts(lines[i]);
    }
    work((void *)4);
    puts(lines[4]);
    printf("main %s %d %d shared %d tentative %d\n", text, hits, zero, shared, tentative[7]);
    return 0;
}
