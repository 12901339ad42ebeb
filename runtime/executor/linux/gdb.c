/* GDB's JIT interface (GDB manual, "JIT Compilation Interface"): debuggers look for these two names. */

#include "executor.h"

#include <pthread.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default"), used))

enum { REGISTER = 1 };

struct entry {
    struct entry *next, *previous;
    const char *file;
    uint64_t size;
};

EXPORTED struct {
    uint32_t version, action;
    struct entry *relevant, *first;
} __jit_debug_descriptor = {1, 0, 0, 0};

EXPORTED __attribute__((noinline)) void __jit_debug_register_code(void)
{
    __asm__ volatile("" ::: "memory"); /* where a debugger has its breakpoint */
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

EXPORTED struct result llvm_orc_registerJITLoaderGDBWrapper(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    word start = read_word(&reader), end = read_word(&reader);
    unsigned at_once = read_byte(&reader);
    struct entry *entry = calloc(1, sizeof *entry);
    if (reader.bad || end < start || !entry) {
        free(entry);
        return no_arguments();
    }
    entry->file = (const char *)start;
    entry->size = end - start;
    pthread_mutex_lock(&lock);
    entry->next = __jit_debug_descriptor.first;
    if (entry->next)
        entry->next->previous = entry;
    __jit_debug_descriptor.first = __jit_debug_descriptor.relevant = entry;
    __jit_debug_descriptor.action = REGISTER;
    if (at_once)
        __jit_debug_register_code();
    pthread_mutex_unlock(&lock);
    return success();
}

EXPORTED struct result llvm_orc_registerJITLoaderGDBAllocAction(const char *data, size_t size)
{
    return llvm_orc_registerJITLoaderGDBWrapper(data, size);
}
