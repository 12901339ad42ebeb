/* Libraries' references to thread-locals, bound again to a program's, in every model (ELF-TLS, Drepper; AAELF64, 5.7.16;
 * the TLS descriptor specification). */

#define _GNU_SOURCE
#include "imports.h"
#include "process.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

extern void *__tls_get_addr(word *module_and_offset);
extern void uruk_rt_tlsdesc_static(void);
extern void uruk_rt_tlsdesc_dynamic(void);

struct thread_local { /* `fixed`: it has the offset `from_thread` from the thread pointer */
    word module, offset, from_thread, fixed;
};

static struct thread_locals { /* those that libraries find that come later; each name with its NUL */
    const char *names;
    const struct thread_local *rows;
    word count;
} kept;

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
        const word *now = (const word *)import->place;
        function = (word)uruk_rt_tlsdesc_dynamic;
        if (now[0] == function) /* bound before, and perhaps in use */
            return 1;
        argument = (word)dynamic_argument(variable, import->addend);
        if (!argument)
            return 0;
    }
    uruk_store_import(import, import->place, function);
    uruk_store_import(import, import->place + sizeof(word), argument);
    return 1;
}

/* Libraries of the link line have what is fixed: this one came later, and the loader cannot be told any more. */
static void refuse(const struct import *import)
{
    const char *texts[] = {
        "uruk: a library that was opened wants the program's thread-local ", import->name,
        " at a fixed offset, which it has not: compile the library without -ftls-model=initial-exec\n",
    };
    for (word i = 0; i < sizeof texts / sizeof *texts; i++)
        uruk_say(texts[i]);
    abort();
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
            refuse(import);
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

/* Keep thread-locals for libraries that come later, and for dlsym; -1 if there is no memory. Once a process. */
EXPORTED int64_t uruk_rt_keep_thread_locals(const char *names, word size, const struct thread_local *rows, word count)
{
    struct thread_local *copy = malloc(count * sizeof *rows + size);
    if (!copy)
        return -1;
    memcpy(copy, rows, count * sizeof *rows);
    kept = (struct thread_locals){memcpy(copy + count, names, size), copy, count};
    return 0;
}

HIDDEN int uruk_keeps_thread_locals(void)
{
    return kept.count != 0;
}

HIDDEN void uruk_bind_later_thread_locals(void)
{
    if (kept.count)
        uruk_rt_bind_thread_locals(kept.names, kept.rows, kept.count);
}

HIDDEN void *uruk_kept_thread_local(const char *name)
{
    const char *at = kept.names;
    for (word row = 0; row < kept.count; row++, at += strlen(at) + 1)
        if (!strcmp(at, name))
            return __tls_get_addr((word[]){kept.rows[row].module, kept.rows[row].offset});
    return 0;
}
