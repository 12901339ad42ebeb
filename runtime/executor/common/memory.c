/* Memory that the controller fills by messages: LLVM's SimpleExecutorMemoryManager, and its plain writes. */

#include "executor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct allocation {
    word base, size;
    struct actions actions;
    struct allocation *next;
};

static struct lock lock;
static struct allocation *all;
_Atomic int64_t allocations;

static word whole_pages(word size)
{
    return (size + page_size() - 1) & -page_size();
}

/* Take the allocation at a base out of the list; 0 if there is none. */
static struct allocation *take(word base)
{
    take_lock(&lock);
    struct allocation **place = &all;
    while (*place && (*place)->base != base)
        place = &(*place)->next;
    struct allocation *found = *place;
    if (found)
        *place = found->next;
    give_lock(&lock);
    return found;
}

static void keep(struct allocation *allocation)
{
    take_lock(&lock);
    allocation->next = all;
    all = allocation;
    give_lock(&lock);
}

static void release(struct allocation *allocation)
{
    run_deallocate(&allocation->actions);
    unmap_pages(allocation->base, allocation->size);
    free(allocation);
    allocations--;
}

struct result memory_reserve(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    read_word(&reader);
    word wanted = read_word(&reader);
    if (reader.bad)
        return no_arguments();
    struct allocation *allocation = calloc(1, sizeof *allocation);
    word base = allocation && wanted && wanted <= (word)1 << 47 ? map_pages(whole_pages(wanted)) : 0;
    if (!base) {
        free(allocation);
        return unexpected("cannot reserve %" PRIu64 " bytes: %s", wanted, wanted ? "Cannot allocate memory" : "nothing");
    }
    allocation->base = base;
    allocation->size = whole_pages(wanted);
    keep(allocation);
    allocations++;
    struct writer writer = {0};
    write_byte(&writer, 1);
    write_word(&writer, base);
    return finish(&writer);
}

/* Protections are bits: 1 read, 2 write, 4 execute. 0, or why they cannot be had. */
const char *protect_segments(const struct segment *segments, word count, word base, word size)
{
    word page = page_size();
    for (word i = 0; i < count; i++) {
        const struct segment *one = &segments[i];
        if (one->address < base || one->size > size || one->address - base > size - one->size)
            return "a segment does not lie in its allocation";
        if (one->group & CAN_WRITE && one->group & CAN_EXECUTE)
            return "a segment may not be writable and executable at once (W^X)";
    }
    for (word i = 0; i < count; i++) {
        word start = segments[i].address & -page, end = (segments[i].address + segments[i].size + page - 1) & -page;
        const char *problem = protect_pages(start, end - start, segments[i].group & (CAN_READ | CAN_WRITE | CAN_EXECUTE));
        if (problem)
            return problem;
    }
    return 0;
}

static const char *fill(const struct segment *segments, word count, const struct allocation *allocation)
{
    for (word i = 0; i < count; i++) {
        const struct segment *one = &segments[i];
        word offset = one->address - allocation->base;
        if (one->address < allocation->base || one->size > allocation->size || offset > allocation->size - one->size)
            return "a segment does not lie in its allocation";
        if (one->content.size > one->size)
            return "a segment has more content than size";
        if (one->content.size)
            memcpy((void *)one->address, one->content.data, one->content.size); /* the rest is zero: it is fresh */
    }
    return 0;
}

static struct segment *read_segments(struct reader *reader, word *count)
{
    *count = read_count(reader, 1 + 8 + 8 + 8);
    struct segment *segments = calloc(*count + 1, sizeof *segments);
    for (word i = 0; segments && i < *count; i++) {
        segments[i].group = read_byte(reader);
        segments[i].address = read_word(reader);
        segments[i].size = read_word(reader);
        segments[i].content = read_text(reader);
    }
    return segments;
}

/* The allocation is found by its lowest segment, which lies at its base. */
static struct result finalize(const struct segment *segments, word count, struct actions *actions)
{
    word base = ~(word)0;
    for (word i = 0; i < count; i++)
        if (segments[i].address < base)
            base = segments[i].address;
    if (!count && !actions->count)
        return success();
    struct allocation *allocation = count ? take(base) : 0;
    if (!allocation) {
        free_actions(actions);
        return error("no reservation begins at 0x%" PRIx64, base);
    }
    const char *problem = fill(segments, count, allocation);
    if (!problem)
        problem = protect_segments(segments, count, allocation->base, allocation->size);
    char *failure = problem ? strdup(problem) : run_finalize(actions);
    if (problem)
        free_actions(actions);
    if (failure) {
        struct result result = error("%s", failure);
        free(failure);
        release(allocation);
        return result;
    }
    allocation->actions = *actions;
    keep(allocation);
    return success();
}

struct result memory_finalize(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    struct actions actions = {0};
    word count;
    read_word(&reader);
    struct segment *segments = read_segments(&reader, &count);
    struct result result;
    if (segments && !reader.bad && read_actions(&reader, &actions))
        result = finalize(segments, count, &actions);
    else
        result = no_arguments();
    free(segments);
    return result;
}

struct result memory_deallocate(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    read_word(&reader);
    word count = read_count(&reader, 8), unknown = 0;
    if (reader.bad)
        return no_arguments();
    const char *bases = reader.at;
    for (word i = count; i--;) { /* the last one first */
        struct reader one = read_from(bases + 8 * i, 8);
        word base = read_word(&one);
        struct allocation *allocation = take(base);
        if (allocation)
            release(allocation);
        else
            unknown = base;
    }
    return unknown ? error("No allocation entry found for 0x%" PRIx64, unknown) : success();
}

void shut_down_memory(void)
{
    while (all)
        release(take(all->base));
}

/* Plain stores, in order. */
static struct result write_numbers(const char *data, size_t size, size_t width)
{
    struct reader reader = read_from(data, size);
    word count = read_count(&reader, 8 + width);
    if (reader.bad)
        return no_arguments();
    for (word i = 0; i < count; i++) {
        char *target = (char *)read_word(&reader);
        memcpy(target, reader.at, width);
        reader.at += width;
    }
    struct result nothing = {{0}, 0};
    return nothing;
}

struct result write_uint8s(const char *data, size_t size)
{
    return write_numbers(data, size, 1);
}

struct result write_uint16s(const char *data, size_t size)
{
    return write_numbers(data, size, 2);
}

struct result write_uint32s(const char *data, size_t size)
{
    return write_numbers(data, size, 4);
}

struct result write_uint64s(const char *data, size_t size)
{
    return write_numbers(data, size, 8);
}

struct result write_buffers(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    word count = read_count(&reader, 16);
    for (word i = 0; i < count; i++) {
        char *target = (char *)read_word(&reader);
        struct text bytes = read_text(&reader);
        if (reader.bad)
            return no_arguments();
        memcpy(target, bytes.data, bytes.size);
        atomic_thread_fence(memory_order_release); /* who sees the next buffer sees this one */
    }
    struct result nothing = {{0}, 0};
    return reader.bad ? no_arguments() : nothing;
}
