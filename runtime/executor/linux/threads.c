/* Alternate stacks: handlers run on a stack of their own, since the thread's may be what is exhausted. Every thread that
 * the process starts has one, a program's as well: the names that start threads are this program's, which comes first
 * in the search order of linked code and of libraries (libstdc++'s std::thread, libgomp).
 *
 * Nothing here takes a lock or allocates from the heap: children that a program forks start threads, too. */

#define _GNU_SOURCE
#include "linux.h"
#include "tail_call.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

enum {
    STACK = 64 << 10,
    ROOM = 32 << 10, /* of a handler, beside what the kernel saves */
    MOST = 4096,     /* at once: each is two of the 65,530 mappings that a process may have */
    SPARE = 64,
    THRD_ERROR = 2, /* thrd_error of glibc's <threads.h> */
};

typedef void *routine(void *);
typedef int routine_c11(void *);
typedef int create(pthread_t *, const pthread_attr_t *, routine *, void *);
typedef int create_c11(pthread_t *, routine_c11 *, void *);

/* It lies at the upper end of its mapping: a page that is no stack's, the stack, this. */
struct alternate {
    stack_t stack;
    union {
        routine *posix;
        routine_c11 *c11;
    } routine;
    void *argument;
    int rounds; /* of the destructors of the thread's keys */
};

static int wanted;
static pthread_key_t key;
static size_t page, size; /* of a mapping */
static atomic_int count;
static struct alternate *_Atomic spare[SPARE];
static _Thread_local struct alternate *own;

static struct alternate *make(void)
{
    if (atomic_fetch_add(&count, 1) < MOST) {
        char *base = mmap(0, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (base != MAP_FAILED && !mprotect(base + page, size - page, PROT_READ | PROT_WRITE)) {
            struct alternate *alternate = (struct alternate *)(base + size) - 1;
            alternate->stack.ss_sp = base + page;
            alternate->stack.ss_size = size - page - sizeof *alternate;
            return alternate;
        }
        if (base != MAP_FAILED)
            munmap(base, size);
    }
    atomic_fetch_sub(&count, 1);
    return 0;
}

/* A stack that no thread has; 0 where there is none to be had: the thread is as it would be without. */
static struct alternate *take(void)
{
    for (int i = 0; i < SPARE; i++) {
        struct alternate *alternate = atomic_load_explicit(&spare[i], memory_order_relaxed);
        if (alternate && (alternate = atomic_exchange(&spare[i], 0)))
            return alternate;
    }
    return make();
}

static void give_back(struct alternate *alternate)
{
    for (int i = 0; i < SPARE; i++) {
        struct alternate *none = 0;
        if (!atomic_load_explicit(&spare[i], memory_order_relaxed)
            && atomic_compare_exchange_strong(&spare[i], &none, alternate))
            return;
    }
    munmap((char *)(alternate + 1) - size, size);
    atomic_fetch_sub(&count, 1);
}

/* Where the thread has one already (sanitizers' runtimes give it one) that one stays. */
static void use(struct alternate *alternate)
{
    stack_t before;
    if (sigaltstack(&alternate->stack, &before)) {
        give_back(alternate);
    } else if (!(before.ss_flags & SS_DISABLE)) {
        sigaltstack(&before, 0);
        give_back(alternate);
    } else {
        alternate->rounds = 0;
        own = alternate;
        pthread_setspecific(key, alternate);
    }
}

/* The thread ends, in whatever way. Destructors of other keys run in several rounds, and may exhaust the stack as well. */
static void end(void *argument)
{
    struct alternate *alternate = argument;
    stack_t none = {.ss_flags = SS_DISABLE}, before;
    if (++alternate->rounds < PTHREAD_DESTRUCTOR_ITERATIONS) {
        pthread_setspecific(key, alternate);
        return;
    }
    own = 0;
    if (sigaltstack(&none, &before))
        return; /* it runs on it */
    if (!(before.ss_flags & SS_DISABLE) && before.ss_sp != alternate->stack.ss_sp)
        sigaltstack(&before, 0); /* the program's */
    give_back(alternate);
}

/* The routine takes the place of these functions on the stack: backtraces are what they would be. */
static void *begin(void *argument)
{
    struct alternate *alternate = argument;
    routine *function = alternate->routine.posix;
    argument = alternate->argument;
    use(alternate);
    TAIL_CALL return function(argument);
}

static int begin_c11(void *argument)
{
    struct alternate *alternate = argument;
    routine_c11 *function = alternate->routine.c11;
    argument = alternate->argument;
    use(alternate);
    TAIL_CALL return function(argument);
}

static create *_Atomic real_create;
static create_c11 *_Atomic real_create_c11;

/* The functions that this file's take the place of; preloaded libraries may have their own. */
static void find_real(void)
{
    real_create = (create *)dlsym(RTLD_NEXT, "pthread_create");
    real_create_c11 = (create_c11 *)dlsym(RTLD_NEXT, "thrd_create"); /* glibc 2.28 */
}

/* The runtimes of AddressSanitizer and ThreadSanitizer give their threads a stack, and show who has called this. */
void __asan_init(void) __attribute__((weak));
void __tsan_init(void) __attribute__((weak));

EXPORTED int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, routine *function, void *argument)
{
    if (!real_create)
        find_real(); /* a library starts a thread before main begins */
    create *real = real_create;
    struct alternate *alternate = wanted && !__asan_init && !__tsan_init ? take() : 0;
    if (!alternate)
        TAIL_CALL return real(thread, attributes, function, argument);
    alternate->routine.posix = function;
    alternate->argument = argument;
    int problem = real(thread, attributes, begin, alternate);
    if (problem)
        give_back(alternate);
    return problem;
}

EXPORTED int thrd_create(pthread_t *thread, routine_c11 *function, void *argument)
{
    if (!real_create_c11)
        find_real();
    create_c11 *real = real_create_c11;
    if (!real)
        return THRD_ERROR;
    struct alternate *alternate = wanted ? take() : 0;
    if (!alternate)
        return real(thread, function, argument);
    alternate->routine.c11 = function;
    alternate->argument = argument;
    int problem = real(thread, begin_c11, alternate);
    if (problem)
        give_back(alternate);
    return problem;
}

const stack_t *own_stack(void)
{
    return own ? &own->stack : 0;
}

/* From now on: this thread, and those that it and others start. */
void use_alternate_stacks(struct uruk_stand_in stand_ins[2])
{
    size_t least = getauxval(AT_MINSIGSTKSZ) + ROOM;
    page = (size_t)sysconf(_SC_PAGESIZE);
    size = page + (((least > STACK ? least : STACK) + page - 1) & -page);
    if (pthread_key_create(&key, end))
        return;
    find_real();
    stand_ins[0] = (struct uruk_stand_in){(word)pthread_create, (word)real_create};
    stand_ins[1] = (struct uruk_stand_in){(word)thrd_create, (word)real_create_c11};
    wanted = 1;
    struct alternate *alternate = take();
    if (alternate)
        use(alternate);
}
