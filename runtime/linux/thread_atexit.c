/* Destructors of C++ (and Rust) thread-locals of linked code.
 *
 * glibc keeps a library loaded while a thread has destructors of it to run, but it knows only libraries. Here each
 * registration is remembered with the __dso_handle of its caller, so that code is not released under a destructor:
 * ask uruk_rt_pending_thread_atexit first.
 *
 * This file must stay in memory for the life of the process: run_one returns into it after its count is gone.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

struct record {
    void (*destructor)(void *); /* 0 once it runs or has run */
    void *object;
    void *dso;
    pthread_t thread;
    struct record *next, **link; /* newest first; link is 0 when not in the list */
};

typedef int register_function(void (*)(void *), void *, void *);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct record *records;

static void unlink_record(struct record *record)
{
    if (!record->link)
        return;
    *record->link = record->next;
    if (record->next)
        record->next->link = record->link;
    record->link = 0;
}

/* What glibc calls when the thread ends. The record counts as pending until the destructor has returned. */
static void run_one(void *argument)
{
    struct record *record = argument;
    pthread_mutex_lock(&lock);
    void (*destructor)(void *) = record->destructor;
    record->destructor = 0;
    pthread_mutex_unlock(&lock);
    if (destructor)
        destructor(record->object);
    pthread_mutex_lock(&lock);
    unlink_record(record);
    pthread_mutex_unlock(&lock);
    free(record);
}

/* glibc's own. Not by a plain reference: linked code's references to that name come here (see the alias below). */
static register_function *libc_register(void)
{
    static register_function *found;
    register_function *function = __atomic_load_n(&found, __ATOMIC_ACQUIRE);
    if (!function) {
        void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
        function = libc ? (register_function *)dlsym(libc, "__cxa_thread_atexit_impl") : 0;
        __atomic_store_n(&found, function, __ATOMIC_RELEASE);
    }
    return function;
}

/* Call `destructor(object)` when the calling thread ends. 0, or -1 when there is no memory. */
EXPORTED int __cxa_thread_atexit(void (*destructor)(void *), void *object, void *dso)
{
    register_function *enter = libc_register();
    struct record *record = enter ? malloc(sizeof *record) : 0;
    if (!record)
        return -1;
    *record = (struct record){destructor, object, dso, pthread_self(), 0, &records};
    pthread_mutex_lock(&lock);
    record->next = records;
    if (records)
        records->link = &record->next;
    records = record;
    pthread_mutex_unlock(&lock);
    /* The handle is an address in libc, which is never unloaded. (With 0 glibc 2.36 crashes when it is the first
     * handle that a thread passes: its cache starts as 0.) */
    int status = enter(run_one, record, (void *)enter);
    if (status) {
        pthread_mutex_lock(&lock);
        unlink_record(record);
        pthread_mutex_unlock(&lock);
        free(record);
    }
    return status;
}

/* Rust's standard library registers with glibc's name. */
EXPORTED int __cxa_thread_atexit_impl(void (*)(void *), void *, void *)
    __attribute__((alias("__cxa_thread_atexit")));

/* How many destructors registered under `dso` have not finished, over all threads. */
EXPORTED int64_t uruk_rt_pending_thread_atexit(void *dso)
{
    int64_t count = 0;
    pthread_mutex_lock(&lock);
    for (struct record *record = records; record; record = record->next)
        count += record->dso == dso;
    pthread_mutex_unlock(&lock);
    return count;
}

/* Run the calling thread's destructors of `dso` now, newest first; the number still pending in all threads. */
EXPORTED int64_t uruk_rt_run_thread_atexit(void *dso)
{
    for (;;) {
        pthread_mutex_lock(&lock);
        struct record *record = records;
        while (record && !(record->dso == dso && record->destructor && pthread_equal(record->thread, pthread_self())))
            record = record->next;
        void (*destructor)(void *) = record ? record->destructor : 0;
        if (record)
            record->destructor = 0;
        pthread_mutex_unlock(&lock);
        if (!record)
            return uruk_rt_pending_thread_atexit(dso);
        destructor(record->object);
        /* glibc still holds the record, so only run_one may free it */
        pthread_mutex_lock(&lock);
        unlink_record(record);
        pthread_mutex_unlock(&lock);
    }
}
