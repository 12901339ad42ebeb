/* A program that forks: the child has data of its own, as natively. Where the linker shares memory with this process,
 * the data of linked code is a shared mapping, which a fork leaves shared. So it is copied before, and the child puts
 * the copy in its place; the copy is made by the last of all handlers that come before a fork. */

#define _GNU_SOURCE
#include "linux.h"

#include <fcntl.h>
#include <pthread.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    MOST = 4000,       /* copies of one fork */
    LINE = 4096 + 128, /* of /proc/self/maps: its longest path and what stands before */
    LARGE = 64 << 20,  /* a range of more bytes is mostly .bss, whose untouched pages are not worth a copy */
};

struct copy {
    char *address, *bytes;
    size_t size;
};

/* Two threads may fork at once. */
static _Thread_local struct copy *copies;
static _Thread_local int count, failed;

/* The bytes of pages that exist; the others are zero in the copy as well. */
static void copy_pages(struct copy *one)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char exists[1024];
    for (size_t at = 0; at < one->size;) {
        size_t step = sizeof exists * page < one->size - at ? sizeof exists * page : one->size - at;
        int all = one->size <= LARGE || mincore(one->address + at, step, exists);
        for (size_t number = 0; number < step / page; number++)
            if (all || exists[number] & 1)
                memcpy(one->bytes + at + number * page, one->address + at + number * page, page);
        at += step;
    }
}

static void add(uint64_t start, uint64_t end)
{
    struct copy *one = &copies[count];
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *bytes = count < MOST ? mmap(NULL, end - start, PROT_READ | PROT_WRITE, flags, -1, 0) : MAP_FAILED;
    if (bytes == MAP_FAILED) {
        failed = 1;
        return;
    }
    *one = (struct copy){(char *)start, bytes, end - start};
    count++;
    copy_pages(one);
}

/* Data of linked code is writable and shared, and its file's name is the linker's. A program's own shared memory stays
 * shared. */
static void add_line(const char *line)
{
    uint64_t start, end;
    char rights[5];
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, rights) != 3 || memcmp(rights, "rw-s", 4))
        return;
    if (strstr(line, "/memfd:uruk") || strstr(line, "/dev/shm/uruk-"))
        add(start, end);
}

static void before(void)
{
    char line[LINE];
    size_t used = 0;
    count = failed = 0;
    copies = mmap(NULL, MOST * sizeof *copies, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    failed = copies == MAP_FAILED;
    int maps = failed ? -1 : open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0)
        return;
    for (ssize_t got; (got = read(maps, line + used, sizeof line - 1 - used)) > 0;) {
        used += (size_t)got;
        line[used] = 0;
        char *begin = line;
        for (char *end; (end = strchr(begin, '\n')); begin = end + 1) {
            *end = 0;
            add_line(begin);
        }
        used -= (size_t)(begin - line);
        if (used == sizeof line - 1)
            used = 0; /* no line is so long */
        memmove(line, begin, used);
    }
    close(maps);
}

static void give_back(void)
{
    if (copies && copies != MAP_FAILED)
        munmap(copies, MOST * sizeof *copies);
    copies = NULL;
}

static void after_in_parent(void)
{
    for (int number = 0; number < count; number++)
        munmap(copies[number].bytes, copies[number].size);
    give_back();
}

static void after_in_child(void)
{
    for (int number = 0; number < count; number++) {
        struct copy *one = &copies[number];
        failed |= mremap(one->bytes, one->size, one->size, MREMAP_MAYMOVE | MREMAP_FIXED, one->address) == MAP_FAILED;
    }
    if (failed) {
        static const char text[] = "uruk: there is no memory for the data of a forked child\n";
        if (write(2, text, sizeof text - 1) < 0)
            _exit(126);
        _exit(127);
    }
    give_back();
}

void copy_data_at_fork(void)
{
    pthread_atfork(before, after_in_parent, after_in_child);
}
