/* Registration of unwind data with the unwinder that linked code throws through: libgcc_s.so.1, never a copy that an
 * executable may have of its own. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

typedef void registration(void *);

static registration *find(const char *name)
{
    void *library = dlopen("libgcc_s.so.1", RTLD_NOW);
    return library ? (registration *)dlsym(library, name) : NULL;
}

/* Register `count` `.eh_frame` sections, by address, each with its terminator (libgcc, unwind-dw2-fde.c); 0, or -1
 * where there is no libgcc. */
EXPORTED int64_t uruk_rt_register_frames(void **sections, uint64_t count)
{
    registration *function = find("__register_frame");
    if (!function)
        return -1;
    for (uint64_t i = 0; i < count; i++)
        function(sections[i]);
    return 0;
}

/* Take registrations out; each once only, which libgcc insists on. */
EXPORTED int64_t uruk_rt_deregister_frames(void **sections, uint64_t count)
{
    registration *function = find("__deregister_frame");
    if (!function)
        return -1;
    for (uint64_t i = 0; i < count; i++)
        function(sections[i]);
    return 0;
}
