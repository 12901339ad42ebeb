/* Shared libraries: LLVM's SimpleExecutorDylibManager. */

#define _GNU_SOURCE
#include "executor.h"

#include <dlfcn.h>
#include <stdlib.h>

enum { EXPORTED_FLAG = 0x10 }; /* of JITSymbolFlags */

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
    void *handle = mode ? 0 : dlopen(*path ? path : 0, RTLD_LAZY);
    struct result result;
    if (handle) {
        struct writer writer = {0};
        write_byte(&writer, 1);
        write_word(&writer, (word)handle);
        result = finish(&writer);
    } else {
        result = unexpected("%s", mode ? "open: the mode must be 0" : dlerror());
    }
    free(path);
    return result;
}

struct result library_lookup(const char *data, size_t size)
{
    struct reader reader = read_from(data, size);
    read_word(&reader);
    word handle = read_word(&reader), count = read_count(&reader, 9);
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
        word address = *name ? (word)dlsym(handle ? (void *)handle : RTLD_DEFAULT, name) : 0;
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
