/* Unwind data, for controllers that have no runtime of uruk's: with the unwinder that programs throw through. */

#include "linux.h"

#include <stdint.h>

typedef int64_t registration(void **sections, uint64_t count);

extern registration uruk_rt_register_frames, uruk_rt_deregister_frames;

static struct result tell_unwinder(const char *data, size_t size, registration *function)
{
    struct reader reader = read_from(data, size);
    word start = read_word(&reader), end = read_word(&reader);
    if (reader.bad)
        return no_arguments();
    void *section = (void *)start;
    if (end > start && function(&section, 1))
        return error("unwind data: there is no libgcc_s.so.1");
    return success();
}

struct result register_frames(const char *data, size_t size)
{
    return tell_unwinder(data, size, uruk_rt_register_frames);
}

struct result deregister_frames(const char *data, size_t size)
{
    return tell_unwinder(data, size, uruk_rt_deregister_frames);
}
