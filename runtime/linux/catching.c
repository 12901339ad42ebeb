/* Calls at which exceptions end that nothing has caught: the controller hears of them, and nothing is terminated.
 *
 * The frame of uruk_invoke_catching has this personality routine (Itanium C++ ABI, exception handling, 1.6). It takes
 * every exception, and leaves the stack by itself in the end: so it needs nothing of the unwinder, which is the
 * program's, whatever that is.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

#include "process.h"

#define EXPORTED __attribute__((visibility("default")))

enum { SEARCH = 1, HANDLER = 4, FORCED = 8, FOUND = 6, CONTINUE = 8 };

struct unwind_exception {
    uint64_t class;
    void *cleanup;
};

uint64_t uruk_invoke_catching(uint64_t, void *, const uint64_t *, uint64_t, uint64_t *) OF_SYSTEM;
void uruk_resume(uint64_t, void *) OF_SYSTEM __attribute__((noreturn));
void uruk_invoke(uint64_t, void *, const uint64_t *, uint64_t) OF_SYSTEM;
int uruk_catching_personality(int, int, uint64_t, void *, void *) OF_SYSTEM;

/* The innermost call of the thread: its frame, or 0 where exceptions go on. */
static uint64_t *innermost(void)
{
    return uruk_thread_word() + 1;
}

int uruk_catching_personality(int version, int actions, uint64_t class, void *exception, void *context)
{
    (void)class, (void)context;
    uint64_t frame = *innermost();
    if (version != 1 || !frame || actions & FORCED)
        return CONTINUE;
    if (actions & SEARCH)
        return FOUND;
    if (actions & HANDLER)
        uruk_resume(frame, exception);
    return CONTINUE;
}

/* What __cxa_begin_catch does to the count of exceptions under way: the exception stays as it is, for the controller.
 * The C++ runtime that it is of has the function that releases it, too. */
static void count_as_caught(const struct unwind_exception *exception)
{
    struct globals {
        void *caught;
        unsigned uncaught;
    } *(*globals)(void) = 0;
    Dl_info info;
    void *library = 0;
    if (exception->cleanup && dladdr(exception->cleanup, &info) && info.dli_fname)
        library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    if (!library)
        return;
    *(void **)&globals = dlsym(library, "__cxa_get_globals");
    if (globals && globals()->uncaught)
        globals()->uncaught--;
    dlclose(library);
}

/* Set the frame at which exceptions end for what the thread calls next, 0 for none; returns the one before. */
EXPORTED uint64_t uruk_rt_swap_catching(uint64_t frame)
{
    uint64_t outer = *innermost();
    *innermost() = frame;
    return outer;
}

uint64_t uruk_invoke_guarded(uint64_t function, void *registers, const uint64_t *stack, uint64_t count, int catches)
{
    uint64_t outer = *innermost(), exception = 0;
    if (catches) {
        exception = uruk_invoke_catching(function, registers, stack, count, innermost());
    } else {
        *innermost() = 0;
        uruk_invoke(function, registers, stack, count);
    }
    *innermost() = outer;
    if (exception)
        count_as_caught((const struct unwind_exception *)exception);
    return exception;
}
