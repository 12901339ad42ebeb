/* Callbacks of linked code into the controller. */

#include <stdlib.h>
#include <string.h>

#include "remote.h"

#define EXPORTED __attribute__((visibility("default")))

enum { REGISTERS = 25, ON_STACK = 16, RESULTS = 6, WIDE_RESULTS = 11 };

/* What requests to the controller carry as their meaning. */
EXPORTED char uruk_rt_callback_tag, uruk_rt_lazy_tag;

/* The registers are the arguments, and in the end the result: the first two integers and four vectors. How many words
 * of arguments are on the caller's stack is not to be seen there: as many as its type needs stand in the upper 16 bits of
 * the number. A result with upper words has them behind the others, and last if it is one in st0. */
void uruk_callback(word number, struct registers *registers, const word *stack) __attribute__((visibility("hidden")));

void uruk_callback(word number, struct registers *registers, const word *stack)
{
    word request[1 + REGISTERS + ON_STACK], on_stack = number >> 48;
    if (on_stack > ON_STACK)
        on_stack = ON_STACK;
    request[0] = number & 0xffffffffffff;
    memcpy(request + 1, registers, 8 * REGISTERS);
    memcpy(request + 1 + REGISTERS, stack, 8 * on_stack);
    struct result answer = uruk_dispatch(&uruk_rt_callback_tag, request, 8 * (1 + REGISTERS + on_stack));
    word value[WIDE_RESULTS] = {0};
    if (answer.size == RESULTS * sizeof(word) || answer.size == sizeof value)
        memcpy(value, uruk_result_data(&answer), answer.size);
    uruk_free_result(&answer);
    memcpy(registers->integers, value, 2 * sizeof(word));
    memcpy(registers->vectors, value + 2, 4 * sizeof(word));
    memcpy(registers->wide, value + RESULTS, 4 * sizeof(word));
    registers->in_x87 = value[WIDE_RESULTS - 1];
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
