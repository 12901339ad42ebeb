/* What the handlers of this process know of a thread's alternate stack (alternate_stack.c). */

#ifndef URUK_ALTERNATE_STACK_H
#define URUK_ALTERNATE_STACK_H

#include <signal.h>
#include <stddef.h>

struct uruk_alternate {
    stack_t stack;
    size_t size; /* of the whole mapping */
    int rounds;  /* of the destructors of the thread's keys */
};

/* That of the calling thread; null where it has none of uruk's. */
__attribute__((visibility("hidden"))) struct uruk_alternate *uruk_own_alternate(void);

#endif
