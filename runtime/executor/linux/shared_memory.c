/* Memory that the controller fills itself: LLVM's ExecutorSharedMemoryMapperService, POSIX flavour. */

#define _GNU_SOURCE
#include "linux.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum { TRIES = 8 };

static const char folder[] = "/dev/shm";

struct initialized {
    word base;
    struct actions actions;
    struct initialized *next;
};

struct reservation {
    word base, size;
    char path[64];
    struct initialized *parts;
    struct reservation *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct reservation *all;

static struct reservation *find(word address)
{
    struct reservation *one = all;
    while (one && (address < one->base || address >= one->base + one->size))
        one = one->next;
    return one;
}

/* Take the part with this base out; 0 if there is none. */
static struct initialized *take_part(word base)
{
    pthread_mutex_lock(&lock);
    struct reservation *home = find(base);
    struct initialized **place = home ? &home->parts : 0;
    while (place && *place && (*place)->base != base)
        place = &(*place)->next;
    struct initialized *part = place ? *place : 0;
    if (part)
        *place = part->next;
    pthread_mutex_unlock(&lock);
    return part;
}

static void deinitialize(struct initialized *part)
{
    run_deallocate(&part->actions);
    free(part);
    allocations--;
}

/* A new file; -1, and errno. Its name is random, so that nobody can take names that will be wanted. */
static int new_file(struct reservation *one)
{
    for (int left = TRIES; left--;) {
        word chance;
        if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
            return -1;
        snprintf(one->path, sizeof one->path, "%s/jitlink_%d_%016" PRIx64, folder, (int)getpid(), chance);
        int file = open(one->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0700);
        if (file >= 0 || errno != EEXIST)
            return file;
    }
    return -1;
}

/* Map a new object, without access; 0, or an errno. */
static int map(struct reservation *one, word size)
{
    int file = new_file(one);
    if (file < 0)
        return errno;
    void *base = MAP_FAILED;
    if (!ftruncate(file, (off_t)size))
        base = mmap(0, size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, file, 0);
    int problem = errno;
    close(file);
    if (base == MAP_FAILED) {
        unlink(one->path);
        return problem ? problem : ENOMEM;
    }
    one->base = (word)base;
    one->size = size;
    return 0;
}

struct result shared_reserve(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    read_word(&reader);
    word wanted = read_word(&reader), page = (word)sysconf(_SC_PAGESIZE);
    if (reader.bad)
        return no_arguments();
    struct reservation *one = calloc(1, sizeof *one);
    if (!one || !wanted || wanted > (word)1 << 47) {
        free(one);
        return unexpected("cannot reserve %" PRIu64 " bytes", wanted);
    }
    int problem = map(one, (wanted + page - 1) & -page);
    if (problem) {
        free(one);
        return unexpected("cannot share %" PRIu64 " bytes: %s", wanted, strerror(problem));
    }
    pthread_mutex_lock(&lock);
    one->next = all;
    all = one;
    pthread_mutex_unlock(&lock);
    struct writer writer = {0};
    const char *name = one->path + sizeof folder - 1;
    write_byte(&writer, 1);
    write_word(&writer, one->base);
    write_text(&writer, name, strlen(name));
    return finish(&writer);
}

static struct result initialize(word base, const struct segment *segments, word count, struct actions *actions)
{
    word lowest = count ? ~(word)0 : base;
    for (word i = 0; i < count; i++)
        if (segments[i].address < lowest)
            lowest = segments[i].address;
    pthread_mutex_lock(&lock);
    struct reservation *home = find(base);
    pthread_mutex_unlock(&lock);
    struct initialized *part = home ? calloc(1, sizeof *part) : 0;
    const char *problem = part ? protect_segments(segments, count, home->base, home->size) : "no such reservation";
    char *failure = problem ? strdup(problem) : run_finalize(actions);
    if (problem)
        free_actions(actions);
    if (failure) {
        struct result result = unexpected("%s", failure);
        free(failure);
        free(part);
        return result;
    }
    part->base = lowest;
    part->actions = *actions;
    pthread_mutex_lock(&lock);
    part->next = home->parts;
    home->parts = part;
    pthread_mutex_unlock(&lock);
    allocations++;
    struct writer writer = {0};
    write_byte(&writer, 1);
    write_word(&writer, lowest);
    return finish(&writer);
}

struct result shared_initialize(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    struct actions actions = {0};
    read_word(&reader);
    word base = read_word(&reader), count = read_count(&reader, 1 + 8 + 8);
    struct segment *segments = calloc(count + 1, sizeof *segments);
    for (word i = 0; segments && i < count; i++) {
        segments[i].group = read_byte(&reader);
        segments[i].address = read_word(&reader);
        segments[i].size = read_word(&reader);
    }
    struct result result;
    if (segments && !reader.bad && read_actions(&reader, &actions))
        result = initialize(base, segments, count, &actions);
    else
        result = no_arguments();
    free(segments);
    return result;
}

struct result shared_deinitialize(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    read_word(&reader);
    word count = read_count(&reader, 8);
    if (reader.bad)
        return no_arguments();
    const char *bases = reader.at;
    for (word i = count; i--;) {
        struct reader one = read_from(bases + 8 * i, 8);
        struct initialized *part = take_part(read_word(&one));
        if (part)
            deinitialize(part);
    }
    return success();
}

static struct reservation *take(word base)
{
    pthread_mutex_lock(&lock);
    struct reservation **place = &all;
    while (*place && (*place)->base != base)
        place = &(*place)->next;
    struct reservation *one = *place;
    pthread_mutex_unlock(&lock);
    return one;
}

static void forget(struct reservation *gone)
{
    pthread_mutex_lock(&lock);
    struct reservation **place = &all;
    while (*place && *place != gone)
        place = &(*place)->next;
    if (*place)
        *place = gone->next;
    pthread_mutex_unlock(&lock);
}

static void release(struct reservation *one)
{
    while (one->parts)
        deinitialize(take_part(one->parts->base));
    forget(one);
    munmap((void *)one->base, one->size);
    unlink(one->path); /* a controller that has opened it has done that */
    free(one);
}

struct result shared_release(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    read_word(&reader);
    word count = read_count(&reader, 8), unknown = 0;
    for (word i = 0; i < count; i++) {
        word base = read_word(&reader);
        struct reservation *one = take(base);
        if (!one) {
            unknown = base;
            continue;
        }
        release(one);
    }
    if (reader.bad)
        return no_arguments();
    return unknown ? error("no reservation at 0x%" PRIx64 ": %s", unknown, strerror(EINVAL)) : success();
}

void shut_down_shared_memory(void)
{
    while (all)
        release(all);
}

/* What a controller has not opened yet must not outlive a crash. For signal handlers: no lock, and nothing is freed. */
void unlink_shared_memory(void)
{
    for (struct reservation *one = all; one; one = one->next)
        unlink(one->path);
}
