/* Names of libraries, all that a link needs in one call. dlsym says where a name is; the object that lies there says what
 * it is, by its hash table: dladdr would look through all its symbols for each name. */

#define _GNU_SOURCE
#include "hidden.h"
#include "symbol_tables.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t word;

enum { DATA = 1, LIBRARY = 2, NEEDED = 4 }; /* flags: it is a variable; it lies in a known object; see look_up */

struct wanted { /* offsets in the texts; a version of 0: whatever the library gives by default */
    uint32_t name, version;
};

struct found { /* `place`: which of the handles has it */
    word address, size;
    uint32_t flags, place;
};

struct segment { /* of a loaded object */
    word start, end, object;
};

struct object {
    word bias;
    struct tables tables;
};

struct objects {
    struct segment *segments;
    struct object *all;
    word count, room, segment_count, segment_room;
    int failed;
};

/* Room for one more item of `size` bytes in a growing array. */
static void *more(void *array, word count, word *room, word size, int *failed)
{
    if (count < *room)
        return array;
    word wanted = *room ? *room * 2 : 64;
    void *larger = realloc(array, wanted * size);
    if (!larger) {
        *failed = 1;
        return array;
    }
    *room = wanted;
    return larger;
}

static const ElfW(Dyn) *dynamic_of(const struct dl_phdr_info *info)
{
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            return (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    return 0;
}

static int note_object(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct objects *objects = argument;
    (void)size;
    objects->all = more(objects->all, objects->count, &objects->room, sizeof *objects->all, &objects->failed);
    if (objects->failed)
        return 1;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        word start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type != PT_LOAD)
            continue;
        objects->segments = more(objects->segments, objects->segment_count, &objects->segment_room,
                                 sizeof *objects->segments, &objects->failed);
        if (objects->failed)
            return 1;
        objects->segments[objects->segment_count++] = (struct segment){start, start + header->p_memsz, objects->count};
    }
    objects->all[objects->count++] = (struct object){info->dlpi_addr, find_tables(dynamic_of(info), info->dlpi_addr)};
    return 0;
}

static int by_start(const void *left, const void *right)
{
    word a = ((const struct segment *)left)->start, b = ((const struct segment *)right)->start;
    return (a > b) - (a < b);
}

static const struct object *object_at(const struct objects *objects, word address)
{
    word low = 0, high = objects->segment_count;
    while (low < high) {
        word middle = (low + high) / 2;
        if (objects->segments[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct segment *segment = low ? &objects->segments[low - 1] : 0;
    return segment && address < segment->end ? &objects->all[segment->object] : 0;
}

/* A name may have several versions: the one that is meant has this value. */
static int has_value(const ElfW(Sym) *symbol, const void *argument)
{
    return symbol->st_value == *(const word *)argument && (symbol->st_info & 15) != STT_TLS;
}

static void describe(struct found *found, const char *name, const struct objects *objects)
{
    const struct object *object = object_at(objects, found->address);
    if (!object)
        return;
    word value = found->address - object->bias;
    const ElfW(Sym) *symbol = find_definition(&object->tables, name, has_value, &value);
    unsigned type = symbol ? symbol->st_info & 15 : STT_FUNC; /* an IFUNC's address is its resolver's choice */
    found->flags |= LIBRARY;
    if (type == STT_OBJECT || type == STT_COMMON) {
        found->flags |= DATA;
        found->size = symbol->st_size;
    }
}

/* Where the executor stands for a function of a library, as a program's own functions do that come before libraries'. */
static word before_libraries(word address)
{
    enum { COUNT = sizeof uruk_hidden->stand_ins / sizeof *uruk_hidden->stand_ins };
    for (int i = 0; uruk_hidden && i < COUNT; i++)
        if (address && address == uruk_hidden->stand_ins[i].real)
            return uruk_hidden->stand_ins[i].own;
    return address;
}

/* A library of those that are asked. */
struct asked {
    void *handle;
    struct tables tables;
};

/* `process` is the program's own handle, whose scope is the global one. RTLD_DEFAULT would look in the caller's, too, and
 * this code lies in an object that needs all libraries of the process. */
static struct asked to_be_asked(void *handle, void *process)
{
    struct asked asked = {handle ? handle : process, {0}};
    struct link_map *map = 0;
    if (handle && !dlinfo(handle, RTLD_DI_LINKMAP, &map) && map)
        asked.tables = find_tables(map->l_ld, map->l_addr);
    return asked;
}

static int is_any(const ElfW(Sym) *symbol, const void *argument)
{
    (void)symbol, (void)argument;
    return 1;
}

/* dlsym looks in a library and in all that it needs. A linker looks in the library alone, and the loader in all libraries of
 * a program before it looks in what they need: so what a library itself defines comes first, whichever it is. */
static void look_up(struct found *found, const char *name, const char *version, const struct asked *libraries, word count)
{
    for (word i = 0; i < 2 * count && !found->address; i++) {
        const struct asked *library = &libraries[i % count];
        int is_process = !library->tables.symbols;
        /* The process has no need of its own: it is asked once. Most names are in no library at all. */
        if (is_process ? i >= count : i < count && !find_definition(&library->tables, name, is_any, 0))
            continue;
        found->address = (word)(version ? dlvsym(library->handle, name, version) : dlsym(library->handle, name));
        found->flags = found->address && i >= count ? NEEDED : 0;
        found->place = found->address ? (uint32_t)(i % count) : 0;
    }
    found->address = before_libraries(found->address);
}

/* The names that are looked up, and whether a loaded object may have each. */
struct asking {
    const char *texts;
    const struct wanted *wanted;
    word count;
    uint32_t *hashes;
    char *may_be;
};

/* The loader unloads nothing while this looks at an object. */
static int ask_object(struct dl_phdr_info *info, size_t size, void *argument)
{
    const struct asking asking = *(struct asking *)argument;
    const struct tables tables = find_tables(dynamic_of(info), info->dlpi_addr);
    (void)size;
    for (word row = 0; row < asking.count; row++) {
        const char *name = asking.texts + asking.wanted[row].name;
        if (!asking.may_be[row])
            asking.may_be[row] = tables.is_filter || find_hashed(&tables, name, asking.hashes[row], is_any, 0);
    }
    return 0;
}

/* Most names are in no library at all, which takes dlsym long to say, for each library and all that it needs. A name that is
 * in no loaded object is in none of these. */
static void ask_objects(struct asking *asking)
{
    for (word row = 0; row < asking->count; row++)
        asking->hashes[row] = gnu_hash(asking->texts + asking->wanted[row].name);
    dl_iterate_phdr(ask_object, asking);
}

static void look_all_up(const struct asking *asking, const struct asked *libraries, word count, struct found *rows)
{
    memset(rows, 0, asking->count * sizeof *rows);
    for (word row = 0; row < asking->count; row++) {
        uint32_t version = asking->wanted[row].version;
        if (asking->may_be[row])
            look_up(&rows[row], asking->texts + asking->wanted[row].name, version ? asking->texts + version : 0, libraries,
                    count);
    }
}

static int describe_all(const struct asking *asking, struct found *rows)
{
    struct objects objects = {0};
    dl_iterate_phdr(note_object, &objects);
    if (!objects.failed) {
        qsort(objects.segments, objects.segment_count, sizeof *objects.segments, by_start);
        for (word row = 0; row < asking->count; row++)
            if (rows[row].address)
                describe(&rows[row], asking->texts + asking->wanted[row].name, &objects);
    }
    free(objects.segments);
    free(objects.all);
    return objects.failed ? -1 : 0;
}

/* Look `count` names up, each in the first of the libraries that defines it, then in what they need; the handle 0 stands for
 * the whole process. Rows of names that none has are 0. Returns 0, or -1 without memory. */
EXPORTED int64_t uruk_rt_find_symbols(void **handles, word handle_count, const char *texts, const struct wanted *wanted,
                                  word count, struct found *rows)
{
    void *process = dlopen(0, RTLD_LAZY);
    struct asked *libraries = calloc(handle_count + 1, sizeof *libraries);
    struct asking asking = {texts, wanted, count, malloc(count * sizeof(uint32_t) + 1), calloc(count + 1, 1)};
    int failed = !libraries || !asking.hashes || !asking.may_be ? -1 : 0;
    if (!failed) {
        for (word i = 0; i < handle_count; i++)
            libraries[i] = to_be_asked(handles[i], process);
        ask_objects(&asking);
        look_all_up(&asking, libraries, handle_count, rows);
        failed = describe_all(&asking, rows); /* afterwards: looking up may load what a filter object names */
    }
    free(libraries);
    free(asking.hashes);
    free(asking.may_be);
    return failed;
}

static int count_changes(struct dl_phdr_info *info, size_t size, void *argument)
{
    uint64_t *changes = argument;
    (void)size;
    *changes = info->dlpi_adds << 32 | (uint32_t)info->dlpi_subs;
    return 1;
}

/* A number that is another one once a library was loaded or unloaded: as long as it stays, so does what names stand for. Its
 * upper half is how many objects were ever loaded. */
EXPORTED word uruk_rt_library_changes(void)
{
    uint64_t changes = 0;
    dl_iterate_phdr(count_changes, &changes);
    return changes;
}

/* The size of the variable at an address of a library; 0 if it is not known. */
EXPORTED word uruk_rt_size_at(word address)
{
    Dl_info info;
    ElfW(Sym) *symbol = 0;
    int known = dladdr1((void *)address, &info, (void **)&symbol, RTLD_DL_SYMENT);
    return known && symbol && (word)info.dli_saddr == address ? symbol->st_size : 0;
}
