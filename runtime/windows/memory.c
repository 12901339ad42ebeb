/* Memory of this process for the linker's mappers; see runtime/linux/memory.c, whose functions these are.
 *
 * Results are addresses or 0, and -errno by Linux's numbers. Address space is reserved in whole MiB and committed when
 * it is protected for the first time. Windows releases a reservation as a whole only: a part that is given back is
 * decommitted, and the last part takes the reservation with it. Shared memory: shared_memory.c.
 */

#include "reservations.h"

#include <string.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

enum { CAN_READ = 1, CAN_WRITE = 2, CAN_EXECUTE = 4 };
static const uint64_t MEGABYTE = 1 << 20, PAGE = 4096, LOWEST = 1 << 16;

struct range {
    uint64_t address, size;
};

struct reservation {
    uint64_t base, size, left; /* `left`: bytes that are not given back */
    enum memory_kind kind;
    struct reservation *next;
};

static SRWLOCK lock = SRWLOCK_INIT;
static struct reservation *all;

static uint64_t round_up(uint64_t size, uint64_t unit)
{
    return (size + unit - 1) & -unit;
}

int keep_reservation(uint64_t base, uint64_t size, enum memory_kind kind)
{
    struct reservation *reservation = HeapAlloc(GetProcessHeap(), 0, sizeof *reservation);
    if (!reservation)
        return 0;
    AcquireSRWLockExclusive(&lock);
    *reservation = (struct reservation){base, size, size, kind, all};
    all = reservation;
    ReleaseSRWLockExclusive(&lock);
    return 1;
}

uint64_t free_place(uint64_t size, uint64_t low, uint64_t high)
{
    MEMORY_BASIC_INFORMATION region;
    uint64_t found = 0;
    for (uint64_t at = low < LOWEST ? LOWEST : low; at < high; at = (uint64_t)region.BaseAddress + region.RegionSize) {
        if (!VirtualQuery((void *)at, &region, sizeof region))
            break;
        uint64_t end = (uint64_t)region.BaseAddress + region.RegionSize, stop = end < high ? end : high;
        if (region.State == MEM_FREE && stop > at && stop - at >= size) {
            uint64_t place = (stop - size) & -MEGABYTE;
            found = place >= at ? place : found;
        }
    }
    return found;
}

/* Reserve address space, nothing committed, within [low, high) if `high` is not 0. */
EXPORTED int64_t uruk_rt_mem_reserve(uint64_t size, uint64_t low, uint64_t high)
{
    uint64_t whole = round_up(size, MEGABYTE);
    if (!size || size > (uint64_t)1 << 47)
        return NO_MEMORY;
    void *base = 0;
    for (int try = 0; try < TRIES && !base; try++) {
        uint64_t place = high ? free_place(whole, low, high) : 0;
        if (high && !place)
            return NO_MEMORY;
        base = VirtualAlloc((void *)place, whole, MEM_RESERVE, PAGE_NOACCESS);
        if (!base && !high)
            return NO_MEMORY;
    }
    if (!base)
        return EXISTS; /* others took each place meanwhile */
    if (!keep_reservation((uint64_t)base, size, PRIVATE)) {
        VirtualFree(base, 0, MEM_RELEASE);
        return NO_MEMORY;
    }
    return (int64_t)base;
}

static struct range pages_of(struct range range)
{
    uint64_t first = range.address & -PAGE;
    return (struct range){first, round_up(range.address + range.size, PAGE) - first};
}

/* Protect the pages of ranges. Code that was written there is what runs from now on. */
EXPORTED int64_t uruk_rt_mem_protect(const struct range *ranges, uint64_t count, int protection)
{
    static const DWORD kinds[] = {[0] = PAGE_NOACCESS,
                                  [CAN_READ] = PAGE_READONLY,
                                  [CAN_WRITE] = PAGE_READWRITE,
                                  [CAN_READ | CAN_WRITE] = PAGE_READWRITE,
                                  [CAN_EXECUTE] = PAGE_EXECUTE,
                                  [CAN_READ | CAN_EXECUTE] = PAGE_EXECUTE_READ};
    DWORD before;
    if (protection < 0 || (uint64_t)protection >= sizeof kinds / sizeof *kinds)
        return INVALID;
    for (uint64_t i = 0; i < count; i++) {
        struct range pages = pages_of(ranges[i]);
        if (!pages.size)
            continue;
        /* What is committed already keeps its bytes, and on Windows its protection. Pages of a file always are, and
         * refuse to be: VirtualProtect, which wants committed pages, has the last word. */
        VirtualAlloc((void *)pages.address, pages.size, MEM_COMMIT, kinds[protection]);
        if (!VirtualProtect((void *)pages.address, pages.size, kinds[protection], &before))
            return NO_MEMORY;
        if (protection & CAN_EXECUTE)
            FlushInstructionCache(GetCurrentProcess(), (void *)pages.address, pages.size);
    }
    return 0;
}

/* Whether the system gave pages up where they are, as wine does: what reads as zero after MEM_RESET stays zero. Pages that
 * are committed anew would be mappings of Linux's for ever, two a module, as it counts pages never written otherwise. */
static int reset(uint64_t at, uint64_t size, DWORD protection)
{
    if (size > MEGABYTE || protection == PAGE_NOACCESS || !VirtualAlloc((void *)at, size, MEM_RESET, PAGE_READONLY))
        return 0;
    for (const uint64_t *word = (const uint64_t *)at, *end = (const uint64_t *)(at + size); word < end; word++)
        if (*word)
            return 0;
    return 1;
}

static int empty(uint64_t at, uint64_t size, DWORD protection)
{
    return reset(at, size, protection) || (VirtualFree((void *)at, size, MEM_DECOMMIT) &&
                                           VirtualAlloc((void *)at, size, MEM_COMMIT, protection));
}

/* Give up whole pages, which then read as zero; their protection stays. */
EXPORTED int64_t uruk_rt_mem_discard(const struct range *ranges, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t end = ranges[i].address + ranges[i].size;
        for (uint64_t at = ranges[i].address; at < end;) {
            MEMORY_BASIC_INFORMATION region;
            if (!VirtualQuery((void *)at, &region, sizeof region) || region.State == MEM_FREE)
                return INVALID;
            uint64_t next = (uint64_t)region.BaseAddress + region.RegionSize, size = (next < end ? next : end) - at;
            if (region.State == MEM_COMMIT && !empty(at, size, region.Protect))
                return NO_MEMORY;
            at += size;
        }
    }
    return 0;
}

/* Zero bytes on pages that are writable, or not used yet. */
EXPORTED int64_t uruk_rt_mem_zero(const struct range *ranges, uint64_t count)
{
    int64_t error = uruk_rt_mem_protect(ranges, count, CAN_READ | CAN_WRITE);
    for (uint64_t i = 0; i < count && !error; i++)
        memset((void *)ranges[i].address, 0, ranges[i].size);
    return error;
}

/* Count a part as given back; -22 where it is in no reservation. One that is given back whole leaves the list. */
static int64_t count_down(uint64_t address, uint64_t size, struct reservation *copy)
{
    int64_t error = INVALID;
    AcquireSRWLockExclusive(&lock);
    struct reservation **place = &all;
    while (*place && (address < (*place)->base || address >= (*place)->base + (*place)->size))
        place = &(*place)->next;
    struct reservation *found = *place;
    if (found && size <= found->left) {
        error = 0;
        found->left -= size;
        *copy = *found;
        if (!found->left) {
            *place = found->next;
            HeapFree(GetProcessHeap(), 0, found);
        }
    }
    ReleaseSRWLockExclusive(&lock);
    return error;
}

/* A view stays as it is until its last part is given back; nobody may access a part that was. */
static BOOL give_back(const struct reservation *reservation, uint64_t address, uint64_t size)
{
    DWORD before;
    if (reservation->kind == VIEW)
        return reservation->left ? VirtualProtect((void *)address, size, PAGE_NOACCESS, &before)
                                 : UnmapViewOfFile((void *)reservation->base);
    return reservation->left ? VirtualFree((void *)address, size, MEM_DECOMMIT)
                             : VirtualFree((void *)reservation->base, 0, MEM_RELEASE);
}

/* Give back a reservation, or a part of it. */
EXPORTED int64_t uruk_rt_mem_release(uint64_t address, uint64_t size)
{
    struct reservation reservation;
    int64_t error = count_down(address, size, &reservation);
    if (error)
        return error;
    return give_back(&reservation, address, size) ? 0 : INVALID;
}
