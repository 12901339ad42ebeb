/* What is behind a lazy stub: ask the session for the function's address on the first call, from whatever thread.
 *
 * Stubs come in blocks: a page of code and a page of data, whose layout is struct block. A stub is
 *
 *         endbr64
 *         jmp     *slot(%rip)
 *     first_call:
 *         endbr64
 *         lea     slot(%rip), %r11
 *         jmp     *enter(%rip)
 *
 * (on AArch64 as isa/aarch64_runtime.py has it), and its slot holds the address of its own first_call until a function
 * is known. Blocks are never unmapped: a stub may be called after its session is gone, which is what `closed` is for. Nothing here knows who answers: `ask` is a
 * function pointer. It leaves the answer 0 when it has none; what it returns would be arbitrary where it is a ctypes
 * callback that ends in an exception.
 */

#include <stdint.h>

#include "process.h"

#define EXPORTED __attribute__((visibility("default")))
#define HIDDEN __attribute__((visibility("hidden")))

enum { PAGE = 4096, STUBS = 128, STUB_SIZE = 32 };
#if defined __x86_64__
enum { FIRST_CALL = 10 };
#else
enum { FIRST_CALL = 16 };
#endif

typedef uint64_t word;
typedef void ask_function(word session, word stub, word *answer);

struct context { /* of one session; all fields are shared between threads */
    ask_function *ask;
    word session;
    word handler;   /* the function that runs where none can be had; 0: say so and abort */
    word in_flight; /* a counted, see below */
    word closed;
};

struct block { /* the page of data */
    word enter; /* uruk_lazy_enter */
    struct context *context;
    word code;  /* address of the page of stubs */
    word first; /* number of the first stub */
    struct context own; /* that of all its session's blocks, in one of them */
    char unused[PAGE - 4 * sizeof(word) - sizeof(struct context) - 2 * STUBS * sizeof(word)];
    word changes[STUBS]; /* how often a slot was set by `write` */
    word slots[STUBS];
};

_Static_assert(sizeof(struct block) == PAGE, "a block's data is a page");

extern void uruk_lazy_enter(void) HIDDEN;

#define load(place) __atomic_load_n(place, __ATOMIC_SEQ_CST)
#define store(place, value) __atomic_store_n(place, value, __ATOMIC_SEQ_CST)
#define replace(place, old, value) __atomic_compare_exchange_n(place, old, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* A `counted` is how many calls of `ask` are under way, with the number of the process in the upper half: in the child
 * of a fork, the threads that would count down are gone, so that its counts start again. */
static word process = 1;
static word all_in_flight;
static word stopped;

static struct context nobody = {.closed = 1};

static void in_child(void)
{
    store(&process, process + 1);
}

static void count_up(word *counted, word here)
{
    word old = load(counted), next;
    do
        next = old >> 32 == here ? old + 1 : here << 32 | 1;
    while (!replace(counted, &old, next));
}

static void count_down(word *counted, word here)
{
    word old = load(counted);
    do
        if (old >> 32 != here)
            return;
    while (!replace(counted, &old, old - 1));
}

static word count(word *counted)
{
    word now = load(counted);
    return now >> 32 == load(&process) ? now & 0xffffffff : 0;
}

static void say_and_abort(const char *text)
{
    uruk_say(text);
    uruk_abort();
}

static void after_stop(void)
{
    say_and_abort("uruk: lazy function called after the interpreter ended\n");
}

static void after_close(void)
{
    say_and_abort("uruk: lazy function called after its session was closed\n");
}

static void without_answer(void)
{
    say_and_abort("uruk: lazy function called, but there is no code for it\n");
}

static int is_closed(struct context *context)
{
    return load(&stopped) || load(&context->closed);
}

static word handler(struct context *context)
{
    word named = load(&context->handler);
    if (named)
        return named;
    return (word)(load(&stopped) ? after_stop : load(&context->closed) ? after_close : without_answer);
}

static word first_call(struct block *block, word index)
{
    return block->code + index * STUB_SIZE + FIRST_CALL;
}

/* The address behind a stub, put into its slot; 0 if there is none, or no session any more.
 *
 * Other threads may set the slot meanwhile. An answer that was given before such a change is not left in the slot: the
 * change is counted first and made then, while here the slot is set first and the count looked at then. */
static word ask(struct block *block, struct context *context, word index)
{
    word *slot = &block->slots[index], lazy = first_call(block, index);
    while (!is_closed(context)) {
        word changes = load(&block->changes[index]), found = lazy, target = 0;
        context->ask(context->session, block->first + index, &target);
        if (!target)
            return 0;
        if (!replace(slot, &found, target))
            return is_closed(context) ? 0 : found;
        if (!is_closed(context) && load(&block->changes[index]) == changes)
            return target;
        replace(slot, &target, lazy);
    }
    return 0;
}

/* The address to go on to from a first call. From lazy_enter.S. */
HIDDEN word uruk_lazy_resolve(word *slot)
{
    int kept = uruk_last_error();
    struct block *block = (struct block *)((word)slot & -(word)PAGE);
    struct context *context = load(&block->context);
    word here = load(&process);
    count_up(&context->in_flight, here);
    count_up(&all_in_flight, here);
    word target = ask(block, context, slot - block->slots);
    count_down(&all_in_flight, here);
    count_down(&context->in_flight, here);
    if (!target)
        target = handler(context);
    uruk_set_last_error(kept);
    return target;
}

/* Call once, before anything else here. 0, or an errno. */
EXPORTED int64_t uruk_rt_lazy_start(void)
{
    return uruk_at_fork(in_child);
}

/* Make a block part of the session whose context is in `home`: all its stubs lazy, numbered from `first`. A `home` of 0
 * stands for no session: the block's own may be gone, and its context used by another. */
EXPORTED void uruk_rt_lazy_open(struct block *block, word code, word first, struct block *home)
{
    block->enter = (word)uruk_lazy_enter;
    block->code = code;
    block->first = first;
    store(&block->context, home ? &home->own : &nobody);
    for (word index = 0; index < STUBS; index++) {
        store(&block->changes[index], block->changes[index] + 1);
        store(&block->slots[index], first_call(block, index));
    }
}

/* Begin a session, with its context in `home`; before uruk_rt_lazy_open of that. Its count of calls under way stays:
 * there may be one of the session that had the block before. */
EXPORTED void uruk_rt_lazy_begin(struct block *home, ask_function *ask, word session)
{
    struct context *context = &home->own;
    context->ask = ask;
    context->session = session;
    store(&context->handler, 0);
    store(&context->closed, 0);
}

EXPORTED void uruk_rt_lazy_set_handler(struct block *home, word handler)
{
    store(&home->own.handler, handler);
}

/* Set slots: to the function of the same row, or to lazy where that is 0. `targets` 0 makes all of them lazy. */
EXPORTED void uruk_rt_lazy_write(word **slots, const word *targets, word count)
{
    for (word row = 0; row < count; row++) {
        struct block *block = (struct block *)((word)slots[row] & -(word)PAGE);
        word index = slots[row] - block->slots, target = targets ? targets[row] : 0;
        __atomic_fetch_add(&block->changes[index], 1, __ATOMIC_SEQ_CST);
        store(slots[row], target ? target : first_call(block, index));
    }
}

/* How many calls of `ask` of a session are under way. */
EXPORTED word uruk_rt_lazy_in_flight(struct block *home)
{
    return count(&home->own.in_flight);
}

/* From now on the handler answers for a session's stubs. How many calls of `ask` are under way. */
EXPORTED word uruk_rt_lazy_close(struct block *home)
{
    store(&home->own.closed, 1);
    return count(&home->own.in_flight);
}

/* The same for all sessions, for ever. */
EXPORTED word uruk_rt_lazy_stop(void)
{
    store(&stopped, 1);
    return count(&all_in_flight);
}
