/* Programs in an executor that reports crashes see their signals as they would be without it: the executor's handler
 * stands for the default action, its alternate stack for none. References to these functions are led here. */

#define _GNU_SOURCE
#include "signals.h"

#include <stddef.h>

#define EXPORTED __attribute__((visibility("default")))

typedef void handler(int);

static handler *hidden_handler;
static void *hidden_stack;

/* What is not to be seen: the handler, and the stack of the main thread. */
EXPORTED void uruk_rt_hide_handler(handler *function, void *stack)
{
    hidden_handler = function;
    hidden_stack = stack;
}

int uruk_is_hidden_handler(handler *function)
{
    return hidden_handler && function == hidden_handler;
}

EXPORTED int uruk_rt_sigaction(int number, const struct sigaction *action, struct sigaction *before)
{
    int status = sigaction(number, action, before);
    if (!status)
        uruk_keep_trampolines(number, action != NULL, before);
    if (!status && before && uruk_is_hidden_handler(before->sa_handler)) {
        before->sa_handler = SIG_DFL;
        before->sa_flags = 0;
        sigemptyset(&before->sa_mask);
    }
    return status;
}

EXPORTED handler *uruk_rt_signal(int number, handler *function)
{
    struct sigaction before = {.sa_handler = signal(number, function)};
    if (before.sa_handler != SIG_ERR)
        uruk_keep_trampolines(number, 1, &before);
    return uruk_is_hidden_handler(before.sa_handler) ? SIG_DFL : before.sa_handler;
}

EXPORTED int uruk_rt_sigaltstack(const stack_t *stack, stack_t *before)
{
    int status = sigaltstack(stack, before);
    if (!status && before && hidden_stack && before->ss_sp == hidden_stack) {
        before->ss_sp = NULL;
        before->ss_size = 0;
        before->ss_flags = SS_DISABLE;
    }
    return status;
}
