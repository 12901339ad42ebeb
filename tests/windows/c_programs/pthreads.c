#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int total, begun;

static void begin(void) { begun++; }
static void gone(void *value) { pthread_mutex_lock(&lock); total += *(int *)value; pthread_mutex_unlock(&lock); }

static void *work(void *argument) {
    pthread_once(&once, begin);
    pthread_setspecific(key, argument);
    return argument;
}

int main(void) {
    pthread_t threads[4];
    int numbers[] = {1, 20, 300, 4000};
    pthread_key_create(&key, gone);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], 0, work, &numbers[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], 0);
    printf("%d %d\n", total, begun);
    return 0;
}
