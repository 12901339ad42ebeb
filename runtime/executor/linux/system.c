/* What the common sources take from Linux; see system.h. */

#define _GNU_SOURCE
#include "linux.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SECOND = 1000000000 };

_Static_assert(sizeof(pthread_mutex_t) <= sizeof(struct lock), "a mutex lies in a lock");
_Static_assert(sizeof(pthread_cond_t) <= sizeof(struct condition), "a condition variable lies in a condition");

static pthread_mutex_t *mutex(struct lock *lock)
{
    return (pthread_mutex_t *)lock; /* PTHREAD_MUTEX_INITIALIZER is zero */
}

static pthread_cond_t *variable(struct condition *condition)
{
    return (pthread_cond_t *)condition;
}

void take_lock(struct lock *lock)
{
    pthread_mutex_lock(mutex(lock));
}

int try_lock(struct lock *lock)
{
    return !pthread_mutex_trylock(mutex(lock));
}

void give_lock(struct lock *lock)
{
    pthread_mutex_unlock(mutex(lock));
}

void wait_for(struct condition *condition, struct lock *lock)
{
    pthread_cond_wait(variable(condition), mutex(lock));
}

int wait_at_most(struct condition *condition, struct lock *lock, word nanoseconds)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    word rest = (word)end.tv_nsec + nanoseconds;
    end.tv_sec += (time_t)(rest / SECOND);
    end.tv_nsec = (int64_t)(rest % SECOND);
    return pthread_cond_timedwait(variable(condition), mutex(lock), &end) != ETIMEDOUT;
}

void wake_one(struct condition *condition)
{
    pthread_cond_signal(variable(condition));
}

void wake_all(struct condition *condition)
{
    pthread_cond_broadcast(variable(condition));
}

struct start {
    void (*function)(void *);
    void *argument;
};

static void *begin(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    start.function(start.argument);
    return 0;
}

/* All signals are delivered to it, whatever the thread that starts it has blocked. */
void start_thread(void (*function)(void *), void *argument)
{
    struct start *start = malloc(sizeof *start);
    pthread_t thread;
    sigset_t none, before;
    if (!start)
        give_up("no memory for a thread");
    *start = (struct start){function, argument};
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, &before);
    int problem = pthread_create(&thread, 0, begin, start);
    pthread_sigmask(SIG_SETMASK, &before, 0);
    if (problem)
        give_up(strerror(problem));
    pthread_detach(thread);
}

word now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (word)time.tv_sec * SECOND + (word)time.tv_nsec;
}

void pause_for(word nanoseconds)
{
    struct timespec time = {(time_t)(nanoseconds / SECOND), (int64_t)(nanoseconds % SECOND)};
    nanosleep(&time, 0);
}

word page_size(void)
{
    return (word)sysconf(_SC_PAGESIZE);
}

word map_pages(word size)
{
    void *base = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? 0 : (word)base;
}

void unmap_pages(word start, word size)
{
    munmap((void *)start, size);
}

const char *protect_pages(word start, word size, unsigned protection)
{
    int bits = (protection & CAN_READ ? PROT_READ : 0) | (protection & CAN_WRITE ? PROT_WRITE : 0) |
               (protection & CAN_EXECUTE ? PROT_EXEC : 0);
    if (mprotect((void *)start, size, bits))
        return strerror(errno);
    if (protection & CAN_EXECUTE)
        __builtin___clear_cache((char *)start, (char *)(start + size));
    return 0;
}

void *open_library(const char *path, char problem[PROBLEM])
{
    void *library = dlopen(path, RTLD_LAZY);
    if (!library)
        format_text(problem, PROBLEM, "%s", dlerror());
    return library;
}

word find_symbol(void *library, const char *name)
{
    return (word)dlsym(library ? library : RTLD_DEFAULT, name);
}

word find_in_usual_libraries(const char *name)
{
    static const char *const libraries[] = {"libstdc++.so.6", "libgcc_s.so.1", "libm.so.6"};
    word address = 0;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries && !address; i++) {
        void *library = dlopen(libraries[i], RTLD_LAZY);
        address = library ? (word)dlsym(library, name) : 0;
    }
    return address;
}

word process_number(void)
{
    return (word)getpid();
}

void give_up(const char *problem)
{
    fprintf(stderr, "uruk-executor: %s\n", problem);
    fflush(stdout);
    _exit(1);
}

void leave(int status)
{
    exit(status);
}

void leave_at_once(int status)
{
    _exit(status);
}
