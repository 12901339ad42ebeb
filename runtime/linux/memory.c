/* Memory of this process for the linker's mappers: reserved, protected, emptied and released as it says from outside.
 *
 * Results are addresses or 0, and -errno where the kernel refuses. Ranges are exact bytes; what works by pages rounds
 * outward. No page is ever writable and executable at once.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAPS_BUFFER 4096
#include "maps.h"

#define EXPORTED __attribute__((visibility("default")))

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct range {
    uint64_t address, size;
};

enum {
    TRIES = 64,       /* places that somebody else takes while we look */
    LOWEST = 1 << 16, /* below this the kernel does not map (vm.mmap_min_addr) */
};
static const uint64_t ALIGNMENT = 1 << 21;

/* The highest place for `size` bytes in [low, high), at the top of its gap, so that a heap below has room to grow.
 * 0 where there is none. */
static uint64_t free_place(uint64_t size, uint64_t low, uint64_t high)
{
    struct maps maps = {.file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    uint64_t found = 0, end = low < LOWEST ? LOWEST : low;
    if (maps.file < 0)
        return 0;
    for (int byte = 0; byte >= 0 && end < high;) {
        uint64_t start = high, stop = high;
        if (next_number(&maps, &start) != '-' || next_number(&maps, &stop) != ' ')
            start = stop = high; /* the last gap */
        if (start > high)
            start = high;
        if (start > end && start - end >= size) {
            uint64_t at = (start - size) & -ALIGNMENT;
            found = at >= end ? at : found;
        }
        end = stop > end ? stop : end;
        while ((byte = next_byte(&maps)) >= 0 && byte != '\n')
            ;
    }
    close(maps.file);
    return found;
}

static int64_t map_at(uint64_t address, uint64_t size, int flags, int file)
{
    flags |= MAP_NORESERVE | (address ? MAP_FIXED_NOREPLACE : 0);
    void *got = mmap((void *)address, size, PROT_NONE, flags, file, 0);
    if (got == MAP_FAILED)
        return -errno;
    if (address && (uint64_t)got != address) { /* kernels before 4.17 take the address for a hint */
        munmap(got, size);
        return -EEXIST;
    }
    return (int64_t)got;
}

static int64_t map_within(uint64_t size, uint64_t low, uint64_t high, int flags, int file)
{
    if (!high)
        return map_at(0, size, flags, file);
    for (int try = 0; try < TRIES; try++) {
        uint64_t place = free_place(size, low, high);
        if (!place)
            return -ENOMEM;
        int64_t got = map_at(place, size, flags, file);
        if (got != -EEXIST)
            return got;
    }
    return -EAGAIN;
}

/* Reserve address space, nothing committed, within [low, high) if `high` is not 0. */
EXPORTED int64_t uruk_rt_mem_reserve(uint64_t size, uint64_t low, uint64_t high)
{
    return map_within(size, low, high, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

/* Where that would be tried, without reserving it; 0 for nowhere. */
EXPORTED uint64_t uruk_rt_mem_free_place(uint64_t size, uint64_t low, uint64_t high)
{
    return free_place(size, low, high);
}

/* Map the file at `path`, likewise. -EACCES where its bytes may not be run. */
EXPORTED int64_t uruk_rt_mem_map_shared(const char *path, uint64_t size, uint64_t low, uint64_t high)
{
    int file;
    do
        file = open(path, O_RDWR | O_CLOEXEC);
    while (file < 0 && errno == EINTR);
    if (file < 0)
        return -errno;
    int64_t got = map_within(size, low, high, MAP_SHARED, file);
    close(file);
    if (got < 0)
        return got;
    /* a mount without the right to run programs refuses only now */
    if (mprotect((void *)got, size, PROT_READ | PROT_EXEC) || mprotect((void *)got, size, PROT_NONE)) {
        int64_t error = -errno;
        munmap((void *)got, size);
        return error;
    }
    return got;
}

/* The pages that a range touches, as a whole range. */
static struct range pages_of(struct range range)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t first = range.address & -page;
    return (struct range){first, ((range.address + range.size + page - 1) & -page) - first};
}

/* An emulator may not see what another process has written into shared memory. qemu (before version 8) forgets its
 * translation of a page only when that becomes writable, which costs a processor little. */
#if defined __x86_64__
enum { emulated = 0 };
#else
enum { emulated = 1 };
#endif

/* Protect the pages of ranges. `protection` is mmap's; code that was written there is what runs from now on. */
EXPORTED int64_t uruk_rt_mem_protect(const struct range *ranges, uint64_t count, int protection)
{
    if ((protection & PROT_WRITE && protection & PROT_EXEC) || protection & ~(PROT_READ | PROT_WRITE | PROT_EXEC))
        return -EINVAL;
    for (uint64_t i = 0; i < count; i++) {
        struct range pages = pages_of(ranges[i]);
        if (protection & PROT_EXEC && emulated &&
            mprotect((void *)pages.address, pages.size, PROT_READ | PROT_WRITE))
            return -errno;
        if (mprotect((void *)pages.address, pages.size, protection))
            return -errno;
        if (protection & PROT_EXEC)
            __builtin___clear_cache((char *)pages.address, (char *)(pages.address + pages.size));
    }
    return 0;
}

/* Give up whole pages of private memory, which then read as zero; their protection stays. */
EXPORTED int64_t uruk_rt_mem_discard(const struct range *ranges, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (madvise((void *)ranges[i].address, ranges[i].size, MADV_DONTNEED))
            return -errno;
    return 0;
}

/* Zero bytes on pages that are writable, or not used yet. */
EXPORTED int64_t uruk_rt_mem_zero(const struct range *ranges, uint64_t count)
{
    int64_t error = uruk_rt_mem_protect(ranges, count, PROT_READ | PROT_WRITE);
    for (uint64_t i = 0; i < count && !error; i++)
        memset((void *)ranges[i].address, 0, ranges[i].size);
    return error;
}

/* Unmap a reservation, or a part of it. */
EXPORTED int64_t uruk_rt_mem_release(uint64_t address, uint64_t size)
{
    return munmap((void *)address, size) ? -errno : 0;
}
