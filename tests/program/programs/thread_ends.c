// Thousands of threads that end in every way: destructors run in their order, and no mapping is left of any.
//#compilers: gcc
//#arch: x86_64
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>

enum { TIMES = 2500 };

static pthread_key_t key;
static _Thread_local int rounds;

static int mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    int count = 0;
    for (int c; (c = getc(file)) != EOF;)
        count += c == '\n';
    fclose(file);
    return count;
}

static void end(void *argument)
{
    if (++rounds < 4)
        pthread_setspecific(key, argument);
    else
        ++*(int *)argument;
}

static void *returns(void *argument)
{
    pthread_setspecific(key, argument);
    return argument;
}

static void *exits(void *argument)
{
    pthread_setspecific(key, argument);
    pthread_exit(argument);
}

static void *is_cancelled(void *argument)
{
    pthread_setspecific(key, argument);
    for (;;)
        pthread_testcancel();
}

static int returns_c11(void *argument)
{
    pthread_setspecific(key, argument);
    return 3;
}

static void start_each(int *ended)
{
    static void *(*const routines[])(void *) = {returns, exits, is_cancelled};
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        void *result;
        pthread_create(&thread, NULL, routines[i], ended);
        if (i == 2)
            pthread_cancel(thread);
        pthread_join(thread, &result);
        if (result != (i == 2 ? PTHREAD_CANCELED : ended))
            puts("wrong result");
    }
    thrd_t thread;
    int status = 0;
    thrd_create(&thread, returns_c11, ended);
    thrd_join(thread, &status);
    if (status != 3)
        puts("wrong status");
}

int main(void)
{
    int ended = 0;
    pthread_key_create(&key, end);
    start_each(&ended);
    int before = mappings();
    for (int i = 0; i < TIMES; i++)
        start_each(&ended);
    printf("ended: some %d, all or cancelled before they began %d\n", ended >= 3 * TIMES, ended <= 4 * (TIMES + 1));
    printf("more mappings: %d\n", mappings() - before > 2);
    pthread_t none;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)1 << 46); /* more than there is */
    int refused = 0;
    for (int i = 0; i < TIMES; i++)
        refused += pthread_create(&none, &attributes, returns, &ended) != 0;
    printf("refused: %d, more mappings: %d\n", refused, mappings() - before > 2);
    return 0;
}
