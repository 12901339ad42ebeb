/* Which loaded library defines a thread-local variable. dlsym must not be asked: it makes the library's storage dynamic
 * for good. So the dynamic symbol tables are read, as they lie in memory. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))

typedef unsigned long word;

struct tables {
    const ElfW(Sym) *symbols;
    const char *strings;
    const uint32_t *gnu, *hash;
    word soname;
};

/* The addresses in a dynamic section: glibc has added the bias to them, except where the section is read-only. */
static struct tables find_tables(const struct link_map *map)
{
    struct tables tables = {0};
    for (const ElfW(Dyn) *entry = map->l_ld; entry && entry->d_tag != DT_NULL; entry++) {
        word value = entry->d_un.d_ptr, address = value < map->l_addr ? value + map->l_addr : value;
        switch (entry->d_tag) {
        case DT_SYMTAB: tables.symbols = (const void *)address; break;
        case DT_STRTAB: tables.strings = (const void *)address; break;
        case DT_GNU_HASH: tables.gnu = (const void *)address; break;
        case DT_HASH: tables.hash = (const void *)address; break;
        case DT_SONAME: tables.soname = value; break;
        }
    }
    return tables;
}

static int is_it(const struct tables *tables, uint32_t index, const char *name)
{
    const ElfW(Sym) *symbol = &tables->symbols[index];
    return symbol->st_shndx != SHN_UNDEF && (symbol->st_info & 15) == STT_TLS &&
           !strcmp(tables->strings + symbol->st_name, name);
}

/* gABI, "Hash Table", and the GNU hash table of glibc's dl-lookup.c. */
static int has(const struct tables *tables, const char *name)
{
    if (!tables->symbols || !tables->strings)
        return 0;
    if (tables->gnu) {
        uint32_t hash = 5381, buckets = tables->gnu[0], first = tables->gnu[1], bloom = tables->gnu[2];
        for (const unsigned char *c = (const void *)name; *c; c++)
            hash = hash * 33 + *c;
        const uint32_t *bucket = (const uint32_t *)((const word *)(tables->gnu + 4) + bloom), *chain = bucket + buckets;
        uint32_t index = buckets ? bucket[hash % buckets] : 0;
        if (index < first || !index)
            return 0;
        for (;; index++) {
            if ((chain[index - first] | 1) == (hash | 1) && is_it(tables, index, name))
                return 1;
            if (chain[index - first] & 1)
                return 0;
        }
    }
    if (tables->hash)
        for (uint32_t index = 0; index < tables->hash[1]; index++)
            if (is_it(tables, index, name))
                return 1;
    return 0;
}

static int report(const struct link_map *map, const char *name, int by_path, char *library, word size)
{
    struct tables tables = find_tables(map);
    if (!has(&tables, name))
        return 0;
    const char *soname = tables.soname && !by_path ? tables.strings + tables.soname : "";
    snprintf(library, size, "%s", *soname ? soname : map->l_name);
    return 1;
}

/* The library that defines a thread-local: of those with these handles, its path; of the others, in load order, its
 * soname, or its path if it has none. 1 if there is one. Carriers, which come from /proc, do not count. */
EXPORTED int uruk_rt_find_tls(const char *name, void **handles, word count, char *library, word size)
{
    struct link_map *map;
    for (word i = 0; i < count; i++)
        if (!dlinfo(handles[i], RTLD_DI_LINKMAP, &map) && report(map, name, 1, library, size))
            return 1;
    void *process = dlopen(0, RTLD_LAZY);
    if (!process || dlinfo(process, RTLD_DI_LINKMAP, &map))
        return 0;
    for (; map; map = map->l_next)
        if (map->l_name[0] == '/' && strncmp(map->l_name, "/proc/", 6) && report(map, name, 0, library, size))
            return 1;
    return 0;
}
