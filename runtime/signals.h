/* What signals.c and trampolines.c know of each other. */

#ifndef URUK_SIGNALS_H
#define URUK_SIGNALS_H

#include <signal.h>

/* Whether a handler is the executor's, which runs trampolines itself. */
__attribute__((visibility("hidden"))) int uruk_is_hidden_handler(void (*function)(int));

__attribute__((visibility("hidden"))) void uruk_keep_trampolines(int number, int changed, struct sigaction *before);

/* removed.c: say what lay at the address of a fault, if it was removed. */
void uruk_tell_removed(unsigned long address) __attribute__((visibility("hidden")));

#endif
