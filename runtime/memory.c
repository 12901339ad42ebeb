/* Memory of this process for a controller in another one: reserved, filled by the controller, protected here.
 *
 * Functions return an address or 0, and a negated errno where they fail. Ranges are pairs of address and size, in whole
 * pages. No page is ever writable and executable at once. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

typedef unsigned long word;

struct range {
    word address, size;
};

enum { LOWEST = 1 << 16, ALIGN = 1 << 21 }; /* vm.mmap_min_addr; a huge page */

static long map(word address, word size, int file)
{
    int flags = MAP_NORESERVE | (file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);
    void *got = mmap((void *)address, size, PROT_NONE, flags | (address ? MAP_FIXED_NOREPLACE : 0), file, 0);
    if (got == MAP_FAILED)
        return -errno;
    if (address && got != (void *)address) { /* kernels before 4.17 take the address for a hint */
        munmap(got, size);
        return -EEXIST;
    }
    return (long)got;
}

/* The top of the highest gap of [low, high) that holds `size` bytes, below `limit`; 0 if there is none. */
static word highest_gap(word size, word low, word high, word limit)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    word end = low < LOWEST ? LOWEST : low, found = 0, start, stop;
    if (!maps)
        return 0;
    int more = 1;
    while (more) {
        more = fgets(line, sizeof line, maps) && sscanf(line, "%lx-%lx", &start, &stop) == 2 && start < high;
        word gap_end = more ? start : high;
        if (gap_end > end && gap_end - end >= size) {
            word at = (gap_end - size) & -(word)ALIGN; /* leaves a heap below room to grow */
            if (at >= end && at < limit)
                found = at;
        }
        if (more) {
            while (!strchr(line, '\n') && fgets(line, sizeof line, maps))
                ; /* the rest of a long line */
            end = stop > end ? stop : end;
        }
    }
    fclose(maps);
    return found;
}

static long reserve(word size, word low, word high, int file)
{
    if (!high)
        return map(0, size, file);
    for (word limit = high, at; (at = highest_gap(size, low, high, limit)); limit = at) {
        long got = map(at, size, file);
        if (got != -EEXIST)
            return got;
    }
    return -ENOMEM;
}

/* Reserve address space, nothing committed; within [low, high) if `high` is given. */
EXPORTED long uruk_rt_memory_reserve(word size, word low, word high)
{
    return reserve(size, low, high, -1);
}

/* The same, of the memory object that `path` names, which the controller has mapped, too. */
EXPORTED long uruk_rt_memory_map(const char *path, word size, word low, word high)
{
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return -errno;
    long got = reserve(size, low, high, file);
    close(file);
    return got;
}

/* Protect ranges; `protection` as mprotect has it. Code that was written elsewhere can run afterwards. */
EXPORTED long uruk_rt_memory_protect(const struct range *ranges, word count, word protection)
{
    if ((protection & PROT_WRITE) && (protection & PROT_EXEC))
        return -EINVAL;
    for (word i = 0; i < count; i++) {
        char *start = (char *)ranges[i].address;
        if (mprotect(start, ranges[i].size, (int)protection))
            return -errno;
        if (protection & PROT_EXEC)
            __builtin___clear_cache(start, start + ranges[i].size);
    }
    return 0;
}

/* Give up the content of private memory, which reads as zero from then on. */
EXPORTED long uruk_rt_memory_discard(const struct range *ranges, word count)
{
    for (word i = 0; i < count; i++)
        if (madvise((void *)ranges[i].address, ranges[i].size, MADV_DONTNEED))
            return -errno;
    return 0;
}

/* Give a reservation, or a part of it, back. */
EXPORTED long uruk_rt_memory_release(word address, word size)
{
    return munmap((void *)address, size) ? -errno : 0;
}
