/* Registration of unwind data with the unwinder that linked code throws through: LLVM's libunwind where the process was
 * started with it, else libgcc_s.so.1; never a copy that an executable may have of its own. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

typedef void registration(void *);

/* The function of libunwind, which takes a whole section, or else that of libgcc_s. Which of the two is decided once:
 * libunwind may come into the global scope later, and would be told to forget what it never knew. */
static registration *find(const char *of_libunwind, const char *of_libgcc)
{
    static int decided, has_libunwind;
    if (!decided) {
        has_libunwind = dlsym(RTLD_DEFAULT, "__unw_add_dynamic_eh_frame_section") != NULL;
        decided = 1;
    }
    void *library = has_libunwind ? RTLD_DEFAULT : dlopen("libgcc_s.so.1", RTLD_NOW);
    return library || has_libunwind ? (registration *)dlsym(library, has_libunwind ? of_libunwind : of_libgcc) : NULL;
}

/* Register `count` `.eh_frame` sections, by address, each with its terminator (libgcc, unwind-dw2-fde.c); 0, or -1
 * where there is no unwinder. */
EXPORTED int64_t uruk_rt_register_frames(void **sections, uint64_t count)
{
    registration *function = find("__unw_add_dynamic_eh_frame_section", "__register_frame");
    if (!function)
        return -1;
    for (uint64_t i = 0; i < count; i++)
        function(sections[i]);
    return 0;
}

/* Take registrations out; each once only, which libgcc insists on. */
EXPORTED int64_t uruk_rt_deregister_frames(void **sections, uint64_t count)
{
    registration *function = find("__unw_remove_dynamic_eh_frame_section", "__deregister_frame");
    if (!function)
        return -1;
    for (uint64_t i = 0; i < count; i++)
        function(sections[i]);
    return 0;
}
