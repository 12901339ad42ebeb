/* Which loaded library defines a thread-local variable. dlsym must not be asked: it makes the library's storage dynamic
 * for good. So the dynamic symbol tables are read, as they lie in memory. */

#define _GNU_SOURCE
#include "symbol_tables.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t word;

static int is_thread_local(const ElfW(Sym) *symbol, const void *argument)
{
    (void)argument;
    return (symbol->st_info & 15) == STT_TLS;
}

static int report(const struct link_map *map, const char *name, int by_path, char *library, word size)
{
    struct tables tables = find_tables(map->l_ld, map->l_addr);
    if (!find_definition(&tables, name, is_thread_local, 0))
        return 0;
    const char *soname = tables.soname && !by_path ? tables.strings + tables.soname : "";
    snprintf(library, size, "%s", *soname ? soname : map->l_name);
    return 1;
}

/* The library that defines a thread-local: of those with these handles, its path; of the others, in load order, its
 * soname, or its path if it has none. 1 if there is one. Carriers, which come from /proc, do not count. */
EXPORTED int64_t uruk_rt_find_tls(const char *name, void **handles, word count, char *library, word size)
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
