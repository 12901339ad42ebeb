/* Callbacks of linked code into the controller. */

#include <stdlib.h>
#include <string.h>

#include "remote.h"

#define EXPORTED __attribute__((visibility("default")))

enum { REGISTERS = 17, ON_STACK = 16, RESULTS = 6 };

/* What requests to the controller carry as their meaning. */
EXPORTED char uruk_rt_callback_tag, uruk_rt_lazy_tag;

/* `registers`: 8 integers, 8 vectors' lower words, and the place of a result in memory, where a convention has a
 * register for that alone; in the end the first two and four of them are the result. How many words the caller has on its stack nobody knows: as many as
 * its type needs stand in the upper 16 bits of the number. */
void uruk_callback(word number, word *registers, const word *stack) __attribute__((visibility("hidden")));

void uruk_callback(word number, word *registers, const word *stack)
{
    word request[1 + REGISTERS + ON_STACK], on_stack = number >> 48;
    if (on_stack > ON_STACK)
        on_stack = ON_STACK;
    request[0] = number & 0xffffffffffff;
    memcpy(request + 1, registers, 8 * REGISTERS);
    memcpy(request + 1 + REGISTERS, stack, 8 * on_stack);
    struct result answer = uruk_dispatch(&uruk_rt_callback_tag, request, 8 * (1 + REGISTERS + on_stack));
    word value[RESULTS] = {0};
    if (answer.size == sizeof value)
        memcpy(value, uruk_result_data(&answer), sizeof value);
    uruk_free_result(&answer);
    memcpy(registers, value, 2 * sizeof(word));
    memcpy(registers + 8, value + 2, 4 * sizeof(word));
}

/* What is behind a lazy stub: the controller is asked. See lazy.c. */
EXPORTED void uruk_rt_lazy_ask(word session, word stub, word *target)
{
    word request[2] = {session, stub};
    struct result answer = uruk_dispatch(&uruk_rt_lazy_tag, request, sizeof request);
    if (answer.size == sizeof *target)
        memcpy(target, uruk_result_data(&answer), sizeof *target);
    uruk_free_result(&answer);
}
