/* What the common part takes from Linux: see process.h. */

#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

extern int pthread_atfork(void (*)(void), void (*)(void), void (*)(void));

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t of_nobody[2];

static void make_key(void)
{
    pthread_key_create(&key, free);
}

uint64_t *uruk_thread_word(void)
{
    pthread_once(&once, make_key);
    uint64_t *mine = pthread_getspecific(key);
    if (!mine && (mine = malloc(2 * sizeof *mine))) {
        mine[0] = ~(uint64_t)0;
        mine[1] = 0;
        pthread_setspecific(key, mine);
    }
    return mine ? mine : of_nobody;
}

int64_t uruk_at_fork(void (*in_child)(void))
{
    return pthread_atfork(0, 0, in_child);
}

void uruk_say(const char *text)
{
    ssize_t written = write(2, text, strlen(text));
    (void)written;
}

void uruk_abort(void)
{
    abort();
}

int uruk_last_error(void)
{
    return errno;
}

void uruk_set_last_error(int number)
{
    errno = number;
}
