/* Calls at which exceptions of C++ end that nothing has caught: the controller hears of them, and nothing is terminated.
 *
 * The frame of uruk_invoke_catching has this handler (Microsoft, "x64 exception handling"). Whatever catches an exception
 * before is asked before, so that only what would end the process comes here.
 */

#include "catching.h"
#include "process.h"

#include <stdint.h>
#include <windows.h>

enum { GNU_THROW = 0x20474343, CXX_THROW = (int)0xE06D7363, UNWINDING = 2 | 4, LAST_OF_UNWINDING = 0x20 };

/* What libgcc and LLVM's libunwind keep: where an unwinding goes that a destructor's frame has interrupted. */
struct gnu_exception {
    uint64_t class;
    void *cleanup;
    uint64_t unused, frame, place, second_register, more[2];
};

extern uint64_t uruk_invoke_catching(uint64_t, void *, const uint64_t *, uint64_t, uint64_t *);
extern const char uruk_caught[];
EXCEPTION_DISPOSITION uruk_catching_handler(EXCEPTION_RECORD *, void *, CONTEXT *, DISPATCHER_CONTEXT *);

/* The innermost call of the thread: its frame, or 0 where exceptions go on. */
static uint64_t *innermost(void)
{
    return uruk_thread_word() + 1;
}

/* What both unwinders store when a handler is found. */
static void *lead_here(EXCEPTION_RECORD *record, void *frame)
{
    struct gnu_exception *exception = (void *)record->ExceptionInformation[0];
    record->NumberParameters = 4;
    record->ExceptionInformation[1] = exception->frame = (uint64_t)frame;
    record->ExceptionInformation[2] = exception->place = (uint64_t)uruk_caught;
    record->ExceptionInformation[3] = exception->second_register = 0;
    return exception;
}

static int is_gnu(const EXCEPTION_RECORD *record)
{
    return (int)record->ExceptionCode == GNU_THROW && record->NumberParameters && record->ExceptionInformation[0];
}

static int is_microsofts(const EXCEPTION_RECORD *record)
{
    return (int)record->ExceptionCode == CXX_THROW && record->NumberParameters >= 4;
}

EXCEPTION_DISPOSITION uruk_catching_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context,
                                            DISPATCHER_CONTEXT *dispatcher)
{
    uint64_t *mine = innermost();
    void *exception = 0;
    if (*mine != (uint64_t)frame)
        return ExceptionContinueSearch;
    if (record->ExceptionFlags & UNWINDING) {
        if (record->ExceptionFlags & LAST_OF_UNWINDING && is_microsofts(record)) {
            *mine = 0; /* its destructor may not throw, either */
            uruk_destroy_thrown(record); /* it lies on the stack that is left now */
        }
        return ExceptionContinueSearch;
    }
    if (is_gnu(record)) {
        exception = lead_here(record, frame);
    } else if (is_microsofts(record)) {
        *mine = 0; /* what() may not throw */
        exception = uruk_describe_thrown(record);
        *mine = (uint64_t)frame;
    }
    if (exception)
        RtlUnwindEx(frame, (void *)uruk_caught, record, exception, context, dispatcher->HistoryTable);
    return ExceptionContinueSearch;
}

/* What __cxa_begin_catch does to the count of exceptions under way: the exception stays as it is, for the controller.
 * The C++ runtime that it is of has the function that releases it, too. */
static void count_as_caught(const struct gnu_exception *exception)
{
    struct globals {
        void *caught;
        unsigned uncaught;
    } *(*globals)(void) = 0;
    HMODULE library = 0;
    void *base = 0;
    if (exception->cleanup && RtlPcToFileHeader(exception->cleanup, &base))
        library = base;
    if (library)
        globals = (struct globals * (*)(void))(void *)GetProcAddress(library, "__cxa_get_globals");
    if (globals && globals()->uncaught)
        globals()->uncaught--;
}

/* All calls go through the same frames: what one has left on the stack is overwritten by the next, and is not found in
 * the frames of the one that looks for threads in some code (find_in_threads.c). */
uint64_t uruk_invoke_guarded(uint64_t function, void *registers, const uint64_t *stack, uint64_t count, int catches)
{
    uint64_t *mine = innermost(), outer = *mine, unused; /* once, as it sets the last error */
    *mine = 0;
    uint64_t exception = uruk_invoke_catching(function, registers, stack, count, catches ? mine : &unused);
    *mine = outer;
    if (exception && !uruk_is_description((void *)exception))
        count_as_caught((const struct gnu_exception *)exception);
    return exception;
}
