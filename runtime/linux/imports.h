/* References of loaded libraries by name, which the loader has applied: see imports.c. */

#include <link.h>
#include <stdint.h>

#define EXPORTED __attribute__((visibility("default")))
#define HIDDEN __attribute__((visibility("hidden")))

typedef uint64_t word;

enum import_kind { /* bits: what a reference gets */
    NO_IMPORT = 0,
    ADDRESS = 1,
    CALL = 2,              /* an address, of a PLT's slot */
    MODULE = 4,            /* a thread-local's module, for __tls_get_addr */
    OFFSET_IN_MODULE = 8,  /* and where it is in that module's block */
    THREAD_OFFSET = 16,    /* a thread-local's offset from the thread pointer */
    DESCRIPTOR = 32,       /* a TLS descriptor, two words */
    ADDRESSES = ADDRESS | CALL,
    THREAD_LOCALS = MODULE | OFFSET_IN_MODULE | THREAD_OFFSET | DESCRIPTOR,
};

struct object { /* a loaded library, by its dynamic section */
    word base, relro, relro_end, page;
    int symbolic; /* its own definitions come first (DT_SYMBOLIC, DF_SYMBOLIC) */
    const ElfW(Sym) *symbols;
    const char *strings;
    struct {
        const ElfW(Rela) *first;
        word count;
    } tables[2];
};

struct import { /* `place`: the word that is written; `addend`: what is added to the symbol's value */
    const struct object *object;
    const char *name;
    word symbol, place, addend;
    enum import_kind kind;
};

typedef void visit(const struct import *import, void *argument);

/* Visit the references of these kinds, of all libraries; not those that a library means as its own. */
void uruk_each_import(int kinds, visit *function, void *argument) HIDDEN;

/* Change the word that a reference has. */
void uruk_store_import(const struct import *import, word place, word value) HIDDEN;

struct binding { /* what a name is bound to: a row of the caller's columns */
    const char *name;
    word row;
};

struct bindings { /* sorted by name */
    struct binding *first;
    word count, done;
    const void *rows;
};

/* Bind the references of these kinds to `count` names, one after the other with its NUL, by `bind`, whose argument is
 * the bindings. Returns how many it counted as done: 0 where there is no memory. */
word uruk_bind_names(const char *names, const void *rows, word count, int kinds, visit *bind) HIDDEN;

/* The row of an import's name; -1 if it has none. */
int64_t uruk_find_binding(const struct bindings *bindings, const struct import *import) HIDDEN;

/* Bind libraries' references to `count` names, one after the other with its NUL, to these addresses; how many. */
word uruk_rt_bind_imports(const char *names, const word *addresses, word count) EXPORTED;

/* Rebind the references of libraries that were loaded since, as uruk_rt_move_imports did those of others. */
void uruk_move_later_imports(void) HIDDEN;

/* True if a program has replaced data or functions of libraries. */
int uruk_has_moved(void) HIDDEN;

/* The same for a program's thread-locals, those that were kept; and whether there are any. */
void uruk_bind_later_thread_locals(void) HIDDEN;
int uruk_keeps_thread_locals(void) HIDDEN;

/* This thread's variable of one that was kept; NULL if the program shows none of this name. */
void *uruk_kept_thread_local(const char *name) HIDDEN;

/* dlopen, with the references of libraries that come in bound to the program's definitions before constructors run. */
void *uruk_open_library(const char *path, int mode) HIDDEN;

/* Where a variable or a function of a library is for the program. */
void *uruk_moved(void *address) HIDDEN;
