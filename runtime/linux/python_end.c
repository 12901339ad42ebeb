/* Python functions that linked code calls by name: through slots, which have another address once the interpreter has ended.
 *
 * Static destructors run in exit(), when the functions, their trampolines and the interpreter have gone. */

#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t word;

struct guard {
    word *slot;
    word owner;
    struct guard *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct guard *guards;

/* What runs in the place of a Python function. Its result is 0, as an integer, a pointer and a floating-point number. */
static word gone(void)
{
    static int said;
    static const char text[] = "uruk: a Python function is called after the interpreter ended: nothing is done\n";
    if (!__atomic_exchange_n(&said, 1, __ATOMIC_RELAXED))
        (void)!write(STDERR_FILENO, text, sizeof text - 1);
#if defined __x86_64__
    __asm__ volatile("xorps %%xmm0, %%xmm0" ::: "xmm0");
#else
    __asm__ volatile("movi d0, #0" ::: "v0");
#endif
    return 0;
}

/* Have a slot changed when the interpreter has ended, so that calls through it end there. Returns 0, or -1 when there is
 * no memory. */
EXPORTED int64_t uruk_rt_guard(word *slot, word owner)
{
    struct guard *guard = malloc(sizeof *guard);
    if (!guard)
        return -1;
    pthread_mutex_lock(&lock);
    *guard = (struct guard){slot, owner, guards};
    guards = guard;
    pthread_mutex_unlock(&lock);
    return 0;
}

/* An owner's slots are used for something else from now on. */
EXPORTED void uruk_rt_unguard(word owner)
{
    pthread_mutex_lock(&lock);
    for (struct guard **link = &guards; *link;) {
        struct guard *guard = *link;
        if (guard->owner == owner) {
            *link = guard->next;
            free(guard);
        } else {
            link = &guard->next;
        }
    }
    pthread_mutex_unlock(&lock);
}

/* For Py_AtExit, whose functions are called last. */
EXPORTED void uruk_rt_python_ended(void)
{
    pthread_mutex_lock(&lock);
    for (struct guard *guard = guards; guard; guard = guard->next)
        __atomic_store_n(guard->slot, (word)gone, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock);
}
