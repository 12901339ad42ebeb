//#compilers: gcc clang
//#shared: libroom.so: room.c
//#cflags[room.c]: -fPIC -ftls-model=initial-exec
// A library with more static thread-local storage than a running process has left, as allocators have.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

extern int room_sum(int);

static void *run(void *start)
{
    return (void *)(long)room_sum(*(int *)start);
}

int main(void)
{
    pthread_t thread;
    void *result;
    int start = 5;
    pthread_create(&thread, 0, run, &start);
    pthread_join(thread, &result);
    printf("%d %ld %s\n", room_sum(1), (long)result, getenv("GLIBC_TUNABLES") ? "tuned" : "as it was");
    return 0;
}
