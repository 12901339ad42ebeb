/* dlsym for a program whose names come before those of libraries. The loader, which knows them by an object that was
 * opened behind the libraries (uruk_rt_open_exports), would find a library's name first. */

#define _GNU_SOURCE
#include "imports.h"
#include "tail_call.h"
#include <dlfcn.h>

static void *names, *process;

/* Have `handle`, of an object with the program's names, asked before all others; 0 where it has none of its own, only
 * copies and stubs. */
EXPORTED void uruk_rt_set_program_names(void *handle)
{
    names = handle;
    __atomic_store_n(&process, dlopen(0, RTLD_LAZY), __ATOMIC_RELEASE);
}

/* dlsym as a linked program has it: RTLD_DEFAULT and the handle of dlopen(0) begin with the program. */
EXPORTED void *uruk_rt_dlsym(void *handle, const char *name)
{
    void *everything = __atomic_load_n(&process, __ATOMIC_ACQUIRE);
    if (everything && (handle == RTLD_DEFAULT || handle == everything)) {
        void *found = uruk_kept_thread_local(name); /* the object has another one of that name in its place */
        if (!found && names)
            found = dlsym(names, name);
        if (found)
            return found;
        found = dlsym(everything, name);
        if (found && uruk_moved(found) != found) /* a copy or a stub of the program's, which come first as well */
            return uruk_moved(found);
    }
    /* A jump, not a call: by the return address dlsym knows whose RTLD_DEFAULT and RTLD_NEXT it is. */
    TAIL_CALL return dlsym(handle, name);
}
