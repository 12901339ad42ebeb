// Initial-exec code for a library's thread-locals, which the library's own constructor has used when it is loaded.
//#compilers: gcc clang
//#flags: -O0 | -O2
//#shared: libusedearly.so: early.c
//#link: -lpthread
//#places: child wire
#include <pthread.h>
#include <stdio.h>

extern __thread int early_count;
extern __thread char early_text[16];
int early_next(void);

static void *work(void *arg)
{
    early_count += 100;
    printf("%d %d %s\n", early_next(), early_count, early_text);
    return arg;
}

int main(void)
{
    pthread_t thread;
    printf("%d %s\n", early_count, early_text);
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    work(NULL);
    return 0;
}
