/* Programs see their signals as they would be without uruk: the handler of an executor that reports crashes is
 * shown as the default action, its alternate stacks and those of this process as none. References to these functions of
 * libc are bound to those here. */

#define _GNU_SOURCE
#include "signals.h"

#include "alternate_stack.h"
#include "hidden.h"

#include <stddef.h>

#define EXPORTED __attribute__((visibility("default")))

typedef void handler(int);

int uruk_is_hidden_handler(handler *function)
{
    return uruk_hidden && (void *)function == uruk_hidden->handler;
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
    struct uruk_alternate *own = uruk_own_alternate();
    const stack_t *hidden = uruk_hidden ? uruk_hidden->stack() : own ? &own->stack : NULL;
    if (hidden && stack && stack->ss_flags & SS_DISABLE)
        stack = hidden; /* as before the program had one */
    int status = sigaltstack(stack, before);
    if (!status && before && hidden && before->ss_sp == hidden->ss_sp) {
        before->ss_sp = NULL;
        before->ss_size = 0;
        before->ss_flags = SS_DISABLE;
    }
    return status;
}
