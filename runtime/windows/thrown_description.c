/* What an exception of Microsoft's C++ is: its type's name, and the text of those derived from std::exception.
 *
 * `throw` passes the object, a description of its type whose parts are offsets from a base, and that base; the types that
 * catch it are listed with where their object lies in it (the layouts are those that clang emits for windows-msvc).
 * Nothing is read without asking whether it can be.
 */

#include "catching.h"
#include "process.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096, MOST_TYPES = 64, NAME = 16 /* behind the address of a table of functions and a spare word */ };

struct throw_info {
    uint32_t attributes, destructor, compatible, types;
};

struct catchable_type {
    uint32_t properties, type;
    int32_t offset, table, in_table; /* table: where the offsets of virtual bases are found, -1 where there is none */
    uint32_t size, copy;
};

/* What the controller reads; it begins as an exception of the GNU kind does. */
struct description {
    char class[8];
    void (*release)(uint64_t reason, struct description *);
    char type[MOST], text[MOST];
};

static const char class_of_description[8] = "\0TFSMKR";

static void release(uint64_t reason, struct description *description)
{
    (void)reason;
    free(description);
}

int uruk_is_description(const void *exception)
{
    return !memcmp(exception, class_of_description, sizeof class_of_description);
}

static int read(void *own, uint64_t address, uint64_t size)
{
    return !uruk_read_memory(own, address, size);
}

/* Copy a text that ends somewhere, or its first part; no more is read at once than lies in one page. */
static void read_text(char text[MOST], uint64_t address)
{
    size_t size = 0;
    while (size < MOST - 1) {
        uint64_t at = address + size, piece = 256 - at % 256;
        if (piece > MOST - 1 - size)
            piece = MOST - 1 - size;
        if (!read(text + size, at, piece) || memchr(text + size, 0, piece))
            return;
        size += piece;
    }
}

/* Where the part of an object is that a type describes; 0 where that cannot be read. */
static uint64_t place_in(uint64_t object, const struct catchable_type *type)
{
    uint64_t place = object + (uint64_t)(int64_t)type->offset, table;
    int32_t offset;
    if (type->table < 0)
        return place;
    place += (uint64_t)(int64_t)type->table;
    if (!read(&table, place, sizeof table) || !read(&offset, table + (uint64_t)(int64_t)type->in_table, sizeof offset))
        return 0;
    return place + (uint64_t)(int64_t)offset;
}

/* Its functions are a destructor, and what(). */
static void ask_for_text(char text[MOST], uint64_t exception)
{
    uint64_t functions, what;
    if (exception && read(&functions, exception, sizeof functions) && read(&what, functions + 8, sizeof what))
        read_text(text, (uint64_t)((const char *(*)(uint64_t))what)(exception));
}

static void describe(struct description *description, uint64_t object, uint64_t info, uint64_t base)
{
    static const char standard[] = ".?AVexception@std@@";
    struct throw_info thrown;
    struct catchable_type type;
    uint32_t count, row;
    char name[sizeof standard];
    if (!info || !read(&thrown, info, sizeof thrown) || !read(&count, base + thrown.types, sizeof count))
        return;
    for (uint32_t i = 0; i < count && i < MOST_TYPES; i++) {
        uint64_t place = base + thrown.types + sizeof count + i * sizeof row;
        if (!read(&row, place, sizeof row) || !read(&type, base + row, sizeof type))
            return;
        if (!i)
            read_text(description->type, base + type.type + NAME); /* the first is that of the object itself */
        if (read(name, base + type.type + NAME, sizeof name) && !memcmp(name, standard, sizeof name)) {
            ask_for_text(description->text, place_in(object, &type));
            return;
        }
    }
}

void *uruk_describe_thrown(const EXCEPTION_RECORD *record)
{
    struct description *description = calloc(1, sizeof *description);
    if (!description)
        return 0;
    memcpy(description->class, class_of_description, sizeof class_of_description);
    description->release = release;
    const ULONG_PTR *words = record->ExceptionInformation;
    describe(description, words[1], words[2], words[3]);
    return description;
}

void uruk_destroy_thrown(const EXCEPTION_RECORD *record)
{
    const ULONG_PTR *words = record->ExceptionInformation;
    struct throw_info thrown;
    if (words[2] && read(&thrown, words[2], sizeof thrown) && thrown.destructor)
        ((void (*)(uint64_t))(words[3] + thrown.destructor))(words[1]);
}
