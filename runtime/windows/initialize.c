/* Run initialisers; finalisers and what code gives to atexit, when its module goes or the program ends. */

#include "modules.h"
#include "program.h"

#include <stdint.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

typedef void function(void);

struct ending {
    uint64_t module;
    function *run;
    struct ending *next;
};

static SRWLOCK lock = SRWLOCK_INIT;
static struct ending *endings; /* the newest first */

static int is_one_of(uint64_t module, const uint64_t *modules, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (modules[i] == module)
            return 1;
    return !count;
}

/* Take out the newest ending of some modules, of any where there are none. */
static function *take(const uint64_t *modules, uint64_t count)
{
    function *run = 0;
    AcquireSRWLockExclusive(&lock);
    struct ending **place = &endings;
    while (*place && !is_one_of((*place)->module, modules, count))
        place = &(*place)->next;
    struct ending *ending = *place;
    if (ending) {
        run = ending->run;
        *place = ending->next;
    }
    ReleaseSRWLockExclusive(&lock);
    if (ending)
        HeapFree(GetProcessHeap(), 0, ending);
    return run;
}

static void run_newest(void)
{
    function *run = take(0, 0);
    if (run)
        run();
}

/* The C runtime's list keeps the order with what is in it otherwise: for each ending it has one call of the newest. */
static int keep(uint64_t module, function *run)
{
    struct ending *ending = HeapAlloc(GetProcessHeap(), 0, sizeof *ending);
    if (!ending)
        return -1;
    AcquireSRWLockExclusive(&lock);
    *ending = (struct ending){module, run, endings};
    endings = ending;
    ReleaseSRWLockExclusive(&lock);
    return at_end_of_program(run_newest);
}

static int is_function(function *one)
{
    return one && one != (function *)~(uintptr_t)0; /* -1 and 0 stand at the ends of .ctors */
}

/* Call functions in order. */
EXPORTED int64_t uruk_rt_run_initializers(function *const *functions, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        if (is_function(functions[i]))
            functions[i]();
    return 0;
}

/* Have functions called when a module goes, the last one first. 0, or -1 without memory. */
EXPORTED int64_t uruk_rt_register_finalizers(function *const *functions, uint64_t count, uint64_t module)
{
    int64_t status = 0;
    for (uint64_t i = 0; i < count; i++)
        if (is_function(functions[i]))
            status |= keep(module, functions[i]);
    return status;
}

/* Run what is registered for these modules, and before that the calling thread's destructors in them. */
EXPORTED int64_t uruk_rt_finalize(const uint64_t *modules, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        run_thread_destructors(modules[i]);
    for (function *run; count && (run = take(modules, count));)
        run();
    return 0;
}

/* Have what is registered for some modules run with `heir` instead, as their code is replaced and its variables stay. 0 is
 * a new heir, which is returned: an odd number, as no module has. */
EXPORTED uint64_t uruk_rt_hand_on(const uint64_t *modules, uint64_t count, uint64_t heir)
{
    static uint64_t last = 1;
    AcquireSRWLockExclusive(&lock);
    if (!heir)
        heir = last += 2;
    for (struct ending *ending = endings; ending && count; ending = ending->next)
        if (is_one_of(ending->module, modules, count))
            ending->module = heir;
    ReleaseSRWLockExclusive(&lock);
    return heir;
}

/* atexit of linked code, which crt2.o has natively: it belongs to the module that calls it. */
EXPORTED int64_t uruk_rt_atexit(function *run)
{
    return keep(module_at((uint64_t)__builtin_return_address(0)), run);
}
