/* Run initialisers, and have finalisers run at the right time. */

#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

typedef void initializer(int, char **, char **);
typedef void finalizer(void);

struct finalizers {
    uint64_t count;
    finalizer *functions[];
};

extern int __cxa_atexit(void (*)(void *), void *, void *);
extern void __cxa_finalize(void *);
extern int64_t uruk_rt_run_thread_atexit(void *);

/* Call `count` functions in order, as the dynamic loader does: 0 and -1 stand for no function. An `envp` of 0 stands for
 * the process's environment. `begun` is set first: a caller that is interrupted knows by it whether the call came. */
EXPORTED int64_t uruk_rt_run_initializers(initializer **functions, uint64_t count, int argc, char **argv, char **envp,
                                      uint64_t *begun)
{
    *begun = 1;
    if (!envp)
        envp = environ;
    for (uint64_t i = 0; i < count; i++)
        if (functions[i] && functions[i] != (initializer *)(intptr_t)-1)
            functions[i](argc, argv, envp);
    return 0;
}

static void run_finalizers(void *argument)
{
    struct finalizers *finalizers = argument;
    while (finalizers->count--) {
        finalizer *function = finalizers->functions[finalizers->count];
        if (function && function != (finalizer *)(intptr_t)-1)
            function();
    }
    free(finalizers);
}

/* Have the functions called, last one first, by __cxa_finalize(dso) or exit(). Register before the initialisers run:
 * entries are taken last in first out, so that what initialisers register with atexit comes before. The functions are
 * copied: exit() comes after the interpreter and all its memory have gone. 0, or -1 when there is no memory. `begun` as
 * above. */
EXPORTED int64_t uruk_rt_register_finalizers(finalizer **functions, uint64_t count, void *dso, uint64_t *begun)
{
    *begun = 1;
    struct finalizers *finalizers = malloc(sizeof *finalizers + count * sizeof *functions);
    if (!finalizers)
        return -1;
    finalizers->count = count;
    for (uint64_t i = 0; i < count; i++)
        finalizers->functions[i] = functions[i];
    int status = __cxa_atexit(run_finalizers, finalizers, dso);
    if (status)
        free(finalizers);
    return status ? -1 : 0;
}

/* Run what is registered for code with each of these handles: destructors of this thread's thread-locals, then, last in
 * first out, finalisers and atexit functions. */
EXPORTED int64_t uruk_rt_finalize(void *const *dsos, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uruk_rt_run_thread_atexit(dsos[i]);
        __cxa_finalize(dsos[i]);
    }
    return 0;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER;
static struct finalizing {
    void *const *dsos;
    uint64_t count;
    struct finalizing *next;
} *finalizing;

static void end_finalizing(void *self)
{
    pthread_mutex_lock(&lock);
    struct finalizing **link = &finalizing;
    while (*link != self)
        link = &(*link)->next;
    *link = (*link)->next;
    pthread_cond_broadcast(&ended);
    pthread_mutex_unlock(&lock);
}

/* The same for a caller in another process, who may be interrupted while the call goes on: uruk_rt_await_finalizers. */
EXPORTED int64_t uruk_rt_finalize_noted(void *const *dsos, uint64_t count)
{
    struct finalizing self = {dsos, count, NULL};
    pthread_mutex_lock(&lock);
    self.next = finalizing;
    finalizing = &self;
    pthread_mutex_unlock(&lock);
    pthread_cleanup_push(end_finalizing, &self); /* a finaliser may end its thread */
    uruk_rt_finalize(dsos, count);
    pthread_cleanup_pop(1);
    return 0;
}

static int is_finalized(void *dso)
{
    for (struct finalizing *call = finalizing; call; call = call->next)
        for (uint64_t i = 0; i < call->count; i++)
            if (call->dsos[i] == dso)
                return 1;
    return 0;
}

/* Wait until no call of uruk_rt_finalize_noted is at work for any of these handles. */
EXPORTED int64_t uruk_rt_await_finalizers(void *const *dsos, uint64_t count)
{
    pthread_mutex_lock(&lock);
    for (uint64_t i = 0; i < count; i++)
        while (is_finalized(dsos[i]))
            pthread_cond_wait(&ended, &lock);
    pthread_mutex_unlock(&lock);
    return 0;
}
