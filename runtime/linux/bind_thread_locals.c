/* Libraries' references to thread-locals, bound again to a program's, in every model (ELF-TLS, Drepper; AAELF64, 5.7.16;
 * the TLS descriptor specification). */

#define _GNU_SOURCE
#include "imports.h"
#include <stdint.h>
#include <stdlib.h>

extern void uruk_rt_tlsdesc_static(void);
extern void uruk_rt_tlsdesc_dynamic(void);

struct thread_local { /* `fixed`: it has the offset `from_thread` from the thread pointer */
    word module, offset, from_thread, fixed;
};

static const word NEVER = ~(word)0; /* a generation that no thread has: __tls_get_addr is always asked */

/* The argument of the descriptor's function for storage that is not fixed; it lives as long as the library. */
static word *dynamic_argument(const struct thread_local *variable, word addend)
{
    word *words = malloc(3 * sizeof *words);
    if (words) {
        words[0] = variable->module;
        words[1] = variable->offset + addend;
        words[2] = NEVER;
    }
    return words;
}

static int bind_descriptor(const struct import *import, const struct thread_local *variable)
{
    word function = (word)uruk_rt_tlsdesc_static, argument = variable->from_thread + import->addend;
    if (!variable->fixed) {
        function = (word)uruk_rt_tlsdesc_dynamic;
        argument = (word)dynamic_argument(variable, import->addend);
        if (!argument)
            return 0;
    }
    uruk_store_import(import, import->place, function);
    uruk_store_import(import, import->place + sizeof(word), argument);
    return 1;
}

static void bind(const struct import *import, void *argument)
{
    struct bindings *bindings = argument;
    int64_t row = uruk_find_binding(bindings, import);
    if (row < 0)
        return;
    const struct thread_local *variable = &((const struct thread_local *)bindings->rows)[row];
    if (import->kind == DESCRIPTOR) {
        bindings->done += bind_descriptor(import, variable);
        return;
    }
    word value = import->kind == MODULE ? variable->module : import->addend;
    if (import->kind == OFFSET_IN_MODULE)
        value += variable->offset;
    if (import->kind == THREAD_OFFSET) {
        if (!variable->fixed)
            return;
        value += variable->from_thread;
    }
    uruk_store_import(import, import->place, value);
    bindings->done++;
}

/* Bind libraries' references to `count` names, one after the other with its NUL, to these thread-locals; how many. */
EXPORTED word uruk_rt_bind_thread_locals(const char *names, const struct thread_local *rows, word count)
{
    return uruk_bind_names(names, rows, count, THREAD_LOCALS, bind);
}
