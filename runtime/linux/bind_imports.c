/* Binding libraries' references again, to what a program has: by name, or because what they mean lies elsewhere now. */

#define _GNU_SOURCE
#include "imports.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The binding of libraries' references to names that the program is going to define, until it is linked. */
EXPORTED void uruk_rt_not_linked_yet(void)
{
    static const char text[] = "uruk: a library calls the program while it is loaded, before the program is linked\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    abort();
}

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct binding *)left)->name, ((const struct binding *)right)->name);
}

static struct bindings read_bindings(const char *names, word count)
{
    struct bindings bindings = {malloc((count + 1) * sizeof(struct binding)), count, 0, 0};
    if (!bindings.first)
        return bindings;
    for (word row = 0; row < count; row++, names += strlen(names) + 1)
        bindings.first[row] = (struct binding){names, row};
    qsort(bindings.first, count, sizeof *bindings.first, by_name);
    return bindings;
}

HIDDEN int64_t uruk_find_binding(const struct bindings *bindings, const struct import *import)
{
    struct binding wanted = {import->name, 0};
    const struct binding *found = bsearch(&wanted, bindings->first, bindings->count, sizeof wanted, by_name);
    return found ? (int64_t)found->row : -1;
}

HIDDEN word uruk_bind_names(const char *names, const void *rows, word count, int kinds, visit *bind)
{
    struct bindings bindings = read_bindings(names, count);
    if (!bindings.first)
        return 0;
    bindings.rows = rows;
    uruk_each_import(kinds, bind, &bindings);
    free(bindings.first);
    return bindings.done;
}

struct move { /* where a variable or a function was, and where it is; `size`: how much of it is copied */
    word from, to, size, constant;
};

static struct move *moves; /* all of a program's, sorted by `from`: it is linked once */
static word move_count;

static int by_origin(const void *left, const void *right)
{
    word first = ((const struct move *)left)->from, second = ((const struct move *)right)->from;
    return (first > second) - (first < second);
}

/* The last move from this address or below it; NULL if there is none. */
static const struct move *move_before(word address)
{
    word low = 0, high = move_count;
    while (low < high) {
        word middle = (low + high) / 2;
        if (moves[middle].from <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &moves[low - 1] : NULL;
}

/* Change a word; once more only readable, if it was. */
static void change(word place, word value, word page, int sealed)
{
    word start = place & -page;
    if (sealed && mprotect((void *)start, page, PROT_READ | PROT_WRITE))
        return;
    __atomic_store_n((word *)place, value, __ATOMIC_RELEASE);
    if (sealed)
        mprotect((void *)start, page, PROT_READ);
}

/* Change what the loader has written, and its copy where it lies in a variable that is copied. */
HIDDEN void uruk_store_import(const struct import *import, word place, word value)
{
    const struct object *object = import->object;
    if (*(const word *)place == value)
        return; /* bound before */
    word start = place & -object->page;
    change(place, value, object->page, start >= object->relro && start < object->relro_end);
    const struct move *copied = move_before(place);
    if (copied && place - copied->from < copied->size)
        change(copied->to + (place - copied->from), value, object->page, (int)copied->constant);
}

static void bind(const struct import *import, void *argument)
{
    struct bindings *bindings = argument;
    int64_t row = uruk_find_binding(bindings, import);
    if (row < 0)
        return;
    uruk_store_import(import, import->place, ((const word *)bindings->rows)[row] + import->addend);
    bindings->done++;
}

/* Bind libraries' references to `count` names, one after the other with its NUL, to these addresses; how many. */
EXPORTED word uruk_rt_bind_imports(const char *names, const word *addresses, word count)
{
    return uruk_bind_names(names, addresses, count, ADDRESSES, bind);
}

static void move(const struct import *import, void *argument)
{
    word value = *(word *)import->place - import->addend;
    const struct move *moved = move_before(value);
    (void)argument;
    if (moved && moved->from == value)
        uruk_store_import(import, import->place, moved->to + import->addend);
}

/* Rebind libraries' references to `count` variables and functions, whatever their names are. Calls stay as they are: a
 * function's address may be that of a stub for it, through which a call would take longer. Returns 0, or -1 when there
 * is no memory. */
EXPORTED int64_t uruk_rt_move_imports(const struct move *given, word count)
{
    struct move *kept = realloc(moves, (count + 1) * sizeof *kept);
    if (!kept)
        return -1;
    memcpy(kept, given, count * sizeof *kept);
    qsort(kept, count, sizeof *kept, by_origin);
    moves = kept;
    move_count = count;
    uruk_each_import(ADDRESS, move, 0);
    return 0;
}

/* Rebind the references of libraries that were loaded since; those of the others are rebound already. */
HIDDEN void uruk_move_later_imports(void)
{
    if (move_count)
        uruk_each_import(ADDRESS, move, 0);
}

HIDDEN int uruk_has_moved(void)
{
    return move_count != 0;
}

/* Where a variable or a function of a library is for the program; the address itself where that is there. */
HIDDEN void *uruk_moved(void *address)
{
    const struct move *moved = move_before((word)address);
    return moved && moved->from == (word)address ? (void *)moved->to : address;
}
