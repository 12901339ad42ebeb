/* An alternate stack for a thread of this process that calls linked code: the handler of a stack overflow needs room.
 *
 * A thread that has one already (faulthandler's, a sanitizer's) keeps that one. It goes with its thread. */

#define _GNU_SOURCE
#include "alternate_stack.h"

#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

enum { STACK = 64 << 10, ROOM = 32 << 10 /* of a handler, beside what the kernel saves */ };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int has_key;

static void unmap(struct uruk_alternate *alternate)
{
    munmap((char *)(alternate + 1) - alternate->size, alternate->size);
}

/* The thread ends. Destructors of other keys run in several rounds, and may exhaust the stack as well. */
static void end(void *argument)
{
    struct uruk_alternate *alternate = argument;
    stack_t none = {.ss_flags = SS_DISABLE}, before;
    if (++alternate->rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(key, alternate);
        return;
    }
    if (sigaltstack(&none, &before))
        return; /* it runs on it */
    if (!(before.ss_flags & SS_DISABLE) && before.ss_sp != alternate->stack.ss_sp)
        sigaltstack(&before, NULL); /* somebody else's */
    unmap(alternate);
}

static void make_key(void)
{
    has_key = !pthread_key_create(&key, end);
}

/* It lies at the upper end of its mapping: a page that is no stack's, the stack, this. */
static struct uruk_alternate *make(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), least = getauxval(AT_MINSIGSTKSZ) + ROOM;
    size_t size = page + (((least > STACK ? least : STACK) + page - 1) & -page);
    char *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    if (mprotect(base + page, size - page, PROT_READ | PROT_WRITE)) {
        munmap(base, size);
        return NULL;
    }
    struct uruk_alternate *alternate = (struct uruk_alternate *)(base + size) - 1;
    alternate->stack.ss_sp = base + page;
    alternate->stack.ss_size = size - page - sizeof *alternate;
    alternate->size = size;
    return alternate;
}

struct uruk_alternate *uruk_own_alternate(void)
{
    return has_key ? pthread_getspecific(key) : NULL;
}

/* Give the calling thread an alternate stack, if it has none. 0, or -1 when there is no memory. */
EXPORTED int64_t uruk_rt_use_alternate_stack(void)
{
    stack_t now;
    pthread_once(&once, make_key);
    if (!has_key || sigaltstack(NULL, &now))
        return -1;
    if (!(now.ss_flags & SS_DISABLE))
        return 0;
    struct uruk_alternate *alternate = uruk_own_alternate();
    if (!alternate) {
        alternate = make();
        if (!alternate)
            return -1;
        if (pthread_setspecific(key, alternate)) {
            unmap(alternate);
            return -1;
        }
    }
    return sigaltstack(&alternate->stack, NULL);
}
