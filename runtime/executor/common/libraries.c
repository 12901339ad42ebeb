/* Shared libraries: LLVM's SimpleExecutorDylibManager. */

#include "executor.h"

#include <inttypes.h>
#include <stdlib.h>

enum { EXPORTED_FLAG = 0x10 }; /* of JITSymbolFlags */

static void *process; /* the handle that stands for it */

static struct {
    struct lock lock;
    void **all;
    size_t count;
} handles; /* what library_open has given: looking a name up in any other number may crash */

static int is_handle(word handle)
{
    int found = !handle;
    take_lock(&handles.lock);
    for (size_t i = 0; i < handles.count && !found; i++)
        found = handles.all[i] == (void *)handle;
    give_lock(&handles.lock);
    return found;
}

static void keep_handle(void *handle)
{
    if (is_handle((word)handle))
        return;
    take_lock(&handles.lock);
    void **more = realloc(handles.all, (handles.count + 1) * sizeof *more);
    if (more) {
        handles.all = more;
        handles.all[handles.count++] = handle;
    }
    give_lock(&handles.lock);
}

struct result library_open(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    read_word(&reader);
    char *path = read_string(&reader);
    word mode = read_word(&reader);
    if (reader.bad) {
        free(path);
        return no_arguments();
    }
    char problem[PROBLEM] = "open: the mode must be 0";
    void *handle = mode ? 0 : open_library(*path ? path : 0, problem);
    if (!*path)
        process = handle;
    struct result result;
    if (handle) {
        keep_handle(handle);
        struct writer writer = {0};
        write_byte(&writer, 1);
        write_word(&writer, (word)handle);
        result = finish(&writer);
    } else {
        result = unexpected("%s", problem);
    }
    free(path);
    return result;
}

/* LLVM's executor is a C++ program, whose controller finds the C++ library in the process. Here it is loaded when a name
 * is not found otherwise; uruk's own controller names the libraries that it wants. */
static word find(word handle, const char *name)
{
    word address = find_symbol((void *)handle, name);
    if (address || attached || (handle && (void *)handle != process))
        return address;
    return find_in_usual_libraries(name);
}

struct result library_lookup(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    read_word(&reader);
    word handle = read_word(&reader), count = read_count(&reader, 9);
    if (!reader.bad && !is_handle(handle))
        return unexpected("0x%" PRIx64 " is no handle of a library", (uint64_t)handle);
    struct writer writer = {0};
    write_byte(&writer, 1);
    write_word(&writer, count);
    for (word i = 0; i < count; i++) {
        char *name = read_string(&reader);
        int required = (int)read_byte(&reader);
        if (!name) {
            free(writer.data);
            return no_arguments();
        }
        word address = *name ? find(handle, name) : 0;
        if (!address && required) {
            struct result result = unexpected("Missing definition for %s", name);
            free(name);
            free(writer.data);
            return result;
        }
        write_word(&writer, address);
        write_byte(&writer, *name ? EXPORTED_FLAG : 0);
        write_byte(&writer, 0);
        free(name);
    }
    if (reader.bad) {
        free(writer.data);
        return no_arguments();
    }
    return finish(&writer);
}
