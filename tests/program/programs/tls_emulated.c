// Emulated thread-locals: __emutls_get_address and the control variables.
//#compilers: clang
//#cflags: -femulated-tls
//#link: -lpthread
//#flags: -O1
#include <pthread.h>
#include <stdio.h>

__thread int value = 13;
static __thread char text[32] = "start";

static void *work(void *arg)
{
    value += *(int *)arg;
    snprintf(text, sizeof text, "now %d", value);
    puts(text);
    return NULL;
}

int main(void)
{
    for (int i = 0; i < 3; i++) {
        pthread_t t;
        pthread_create(&t, NULL, work, &i);
        pthread_join(t, NULL);
    }
    printf("%s %d\n", text, value);
    return 0;
}
