/* What an executor that reports crashes has for itself, and programs in it are not to notice. */

#ifndef URUK_HIDDEN_H
#define URUK_HIDDEN_H

#include <signal.h>
#include <stdint.h>

struct uruk_stand_in { /* a function of the executor, and that of a library whose place it takes */
    uint64_t own, real;
};

struct uruk_hidden {
    void *handler;                 /* stands for the default action */
    const stack_t *(*stack)(void); /* the calling thread's, which stands for none; null where it has none */
    struct uruk_stand_in stand_ins[2];
};

__attribute__((visibility("hidden"))) extern const struct uruk_hidden *uruk_hidden; /* null where there is nothing */

#endif
