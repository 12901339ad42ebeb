/* Libraries of this process, for a controller in another one: dlopen and its relatives, each in one step (a thread of
 * its own runs each call, and dlerror is per thread). Texts go to buffers of the caller's, cut to their size. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t word;

static void put(char *target, word size, const char *text)
{
    if (size)
        snprintf(target, size, "%s", text ? text : "");
}

/* dlopen; 0, with the loader's text, where it refuses. */
EXPORTED void *uruk_rt_load_library(const char *path, word flags, char *text, word size)
{
    struct stat status;
    if (strchr(path, '/') && !stat(path, &status) && !S_ISREG(status.st_mode)) {
        put(text, size, "is not a regular file"); /* the loader would wait for a pipe's other end */
        return 0;
    }
    void *handle = dlopen(path, (int)flags);
    put(text, size, handle ? "" : dlerror());
    return handle;
}

/* The path and bias of a loaded library, and 0; -1 for what is no handle. */
EXPORTED int64_t uruk_rt_library_place(void *handle, char *path, word size, word *bias)
{
    struct link_map *map;
    if (dlinfo(handle, RTLD_DI_LINKMAP, &map))
        return -1;
    put(path, size, map->l_name);
    *bias = map->l_addr;
    return 0;
}

struct need {
    const char *path;
    word size, alignment;
};

static int find_need(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct need *need = argument;
    (void)size;
    if (strcmp(info->dlpi_name, need->path))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS) {
            need->size = info->dlpi_phdr[i].p_memsz;
            need->alignment = info->dlpi_phdr[i].p_align;
        }
    return 1;
}

/* Size and alignment of the thread-local storage of the loaded object with this path; zeros if it has none. */
EXPORTED void uruk_rt_tls_of_object(const char *path, word *size_and_alignment)
{
    struct need need = {path, 0, 0};
    dl_iterate_phdr(find_need, &need);
    size_and_alignment[0] = need.size;
    size_and_alignment[1] = need.alignment;
}
