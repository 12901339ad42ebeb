/* dlsym for a program whose names come before those of libraries. The loader, which knows them by an object that was
 * opened behind the libraries (uruk_rt_open_exports), would find a library's name first. */

#define _GNU_SOURCE
#include <dlfcn.h>

#define EXPORTED __attribute__((visibility("default")))

static void *names, *process;

/* Have `handle`, of an object with the program's names, asked before all others. */
EXPORTED void uruk_rt_set_program_names(void *handle)
{
    process = dlopen(0, RTLD_LAZY);
    __atomic_store_n(&names, handle, __ATOMIC_RELEASE);
}

/* dlsym as a linked program has it: RTLD_DEFAULT and the handle of dlopen(0) begin with the program. */
EXPORTED void *uruk_rt_dlsym(void *handle, const char *name)
{
    void *first = __atomic_load_n(&names, __ATOMIC_ACQUIRE);
    if (first && (handle == RTLD_DEFAULT || handle == process)) {
        void *found = dlsym(first, name);
        if (found)
            return found;
    }
    /* A jump, not a call: by the return address dlsym knows whose RTLD_DEFAULT and RTLD_NEXT it is. */
    __attribute__((musttail)) return dlsym(handle, name);
}
