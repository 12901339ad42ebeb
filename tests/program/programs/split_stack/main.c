// Split stacks: threads with small stacks go deep; pthread_create is wrapped, in objects without split stacks, too.
//#arch: x86_64
//#compilers: gcc clang
//#flags: -O0 | -O1 -fPIC
//#sources: main.c deep.c
//#cflags[deep.c]: -fsplit-stack
//#link: -lgcc
//#native: -Wl,--wrap=pthread_create
#include <pthread.h>
#include <stdio.h>

void *deep_thread(void *depth);
int deep(int n);

int main(void)
{
    pthread_t threads[3];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 65536);
    for (long i = 0; i < 3; i++)
        pthread_create(&threads[i], &attributes, deep_thread, (void *)(50000 + i));
    for (int i = 0; i < 3; i++) {
        void *result;
        pthread_join(threads[i], &result);
        printf("%ld\n", (long)result);
    }
    printf("%d\n", deep(50000)); // the main thread's
    return 0;
}
