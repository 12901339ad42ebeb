// A thread-local alignment above the usual, with odd sizes before and after.
//#compilers: gcc clang
//#flags: -O1 | -O1 -fPIC
//#link: -lpthread
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

static __thread char odd[3] = {1, 2, 3};
static __thread _Alignas(256) struct { char c[5]; } page = {{9}};
static __thread _Alignas(128) char zero[7];
static __thread short last = 77;

static void *check(void *arg)
{
    (void)arg;
    odd[0]++;
    printf("%d %d %d %d %d %d\n", odd[0], odd[2], page.c[0], (int)((uintptr_t)&page % 256),
           (int)((uintptr_t)zero % 128), last++);
    return NULL;
}

int main(void)
{
    pthread_t t;
    check(NULL);
    pthread_create(&t, NULL, check, NULL);
    pthread_join(t, NULL);
    check(NULL);
    return 0;
}
