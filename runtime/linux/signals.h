/* What signals.c, trampolines.c and those of removed code know of each other. */

#ifndef URUK_SIGNALS_H
#define URUK_SIGNALS_H

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

/* Whether a handler is the executor's, which runs trampolines itself. */
__attribute__((visibility("hidden"))) int uruk_is_hidden_handler(void (*function)(int));

__attribute__((visibility("hidden"))) void uruk_keep_trampolines(int number, int changed, struct sigaction *before);

/* trampolines.c: from now on faults are those of whoever had the signal before. */
__attribute__((visibility("hidden"))) void uruk_leave_faults(void);

enum { REMOVED_TEXT = 256 };

/* Removed code, from one symbol's address to the next one's. */
struct removed {
    _Atomic uint64_t start, end; /* both 0 for one that is free */
    char text[REMOVED_TEXT];
    struct removed *next; /* of all that were ever made: a handler may be reading */
};

/* removed.c: find what was removed, say its name, say what lay at the address of a fault. */
__attribute__((visibility("hidden"))) struct removed *uruk_find_removed(uint64_t address);
__attribute__((visibility("hidden"))) void uruk_say_removed(const char *text);
__attribute__((visibility("hidden"))) void uruk_tell_removed(uint64_t address);

/* removed_calls.c: whether a fault was a call that Python made; then the thread goes on in another place. */
__attribute__((visibility("hidden"))) int uruk_enter_removed(const siginfo_t *info, void *context);

/* overflows.c: say that linked code overflowed the stack, if a fault was that. */
__attribute__((visibility("hidden"))) void uruk_tell_overflow(const siginfo_t *info, const void *context);

#endif
