/* A program's dlopen searches the directories of its -rpath, and $ORIGIN, the folder of the program. The loader knows
 * neither for linked code. References to dlopen are bound to this one (ld.so(8): DT_RPATH, DT_RUNPATH, "Dynamic string
 * tokens"). */

#define _GNU_SOURCE
#include "imports.h"
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_NEEDS = 64 };

static const char *origin = "";
static char **directories;
static uint64_t directory_count;
static int inherited; /* libraries' own needs are searched there, too: DT_RPATH; with DT_RUNPATH they are not */

/* `text` with $ORIGIN replaced, from malloc; 0 when there is no memory. */
static char *expand(const char *text)
{
    static const char *const tokens[] = {"$ORIGIN", "${ORIGIN}"};
    size_t most = strlen(text) + 1;
    for (const char *at = text; (at = strchr(at, '$')); at++)
        most += strlen(origin);
    char *result = malloc(most), *end = result;
    while (result && *text) {
        size_t length = 0;
        for (int i = 0; i < 2 && !length; i++)
            if (!strncmp(text, tokens[i], strlen(tokens[i])))
                length = strlen(tokens[i]);
        if (length) {
            end = stpcpy(end, origin);
            text += length;
        } else {
            *end++ = *text++;
        }
    }
    if (result)
        *end = 0;
    return result;
}

/* Set it, once a process: `texts` has `count` strings, each with its NUL; the first is the origin. -1: no memory. The
 * memory is no heap's: a leak detector does not look for pointers to it here. */
EXPORTED int64_t uruk_rt_set_search_path(const char *texts, uint64_t size, uint64_t count, uint64_t inherit)
{
    char *copy = mmap(0, count * sizeof *directories + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED)
        return -1;
    char **list = (char **)copy, *text = memcpy(copy + count * sizeof *list, texts, size);
    origin = text;
    for (uint64_t i = 1; i < count; i++)
        list[i - 1] = text += strlen(text) + 1;
    directories = list;
    directory_count = count - 1;
    inherited = inherit != 0;
    return 0;
}

/* Whether a file is an object of this process's kind; the loader passes over others. */
static int fits(const char *path)
{
    unsigned char head[20];
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return 0;
    const ElfW(Ehdr) *own = (const ElfW(Ehdr) *)head;
    int good = !fstat(file, &status) && S_ISREG(status.st_mode) && read(file, head, sizeof head) == sizeof head;
    close(file);
#ifdef __x86_64__
    enum { MACHINE = EM_X86_64 };
#else
    enum { MACHINE = EM_AARCH64 };
#endif
    return good && !memcmp(head, ELFMAG, SELFMAG) && head[EI_CLASS] == ELFCLASS64 && own->e_machine == MACHINE;
}

/* The path of a library in a directory, if it is there; from malloc. */
static char *in_directory(const char *directory, size_t length, const char *name)
{
    char *path = 0;
    if (asprintf(&path, "%.*s/%s", (int)length, length ? directory : ".", name) < 0)
        return 0;
    if (fits(path))
        return path;
    free(path);
    return 0;
}

static int environment_has(const char *name)
{
    const char *list = getenv("LD_LIBRARY_PATH");
    int found = 0;
    while (list && *list && !found) {
        size_t length = strcspn(list, ":;");
        char *path = in_directory(list, length, name);
        found = path != 0;
        free(path);
        list += length + (list[length] != 0);
    }
    return found;
}

/* A library without a slash in its name: its path in the search path, from malloc; 0 to leave it to the loader. */
static char *search(const char *name)
{
    if (!inherited && environment_has(name)) /* LD_LIBRARY_PATH comes before DT_RUNPATH, and behind DT_RPATH */
        return 0;
    char *path = 0;
    for (uint64_t i = 0; i < directory_count && !path; i++) {
        char *directory = expand(directories[i]);
        path = directory ? in_directory(directory, strlen(directory), name) : 0;
        free(directory);
    }
    return path;
}

/* dlopen; what a library needs and the loader does not find is opened from the search path first. The needs are closed
 * again: the library itself holds them. */
static void *open_with_needs(const char *path, int mode, int depth)
{
    void *needs[MOST_NEEDS], *handle;
    int count = 0;
    while (!(handle = uruk_open_library(path, mode)) && inherited && depth && count < MOST_NEEDS) {
        const char *text = dlerror();
        size_t length = text ? strcspn(text, ":") : 0; /* "NAME: cannot open shared object file: ..." */
        char *name = text ? strndup(text, length) : 0;
        char *found = name && !strchr(name, '/') && strcmp(name, path) ? search(name) : 0;
        needs[count] = found ? open_with_needs(found, mode & ~RTLD_NOLOAD, depth - 1) : 0;
        free(name);
        free(found);
        if (!needs[count++]) {
            handle = uruk_open_library(path, mode); /* for its error */
            count--;
            break;
        }
    }
    while (count)
        dlclose(needs[--count]);
    return handle;
}

/* dlopen as a program with that search path has it, also for the libraries that it is linked with. */
EXPORTED void *uruk_rt_dlopen(const char *name, int mode)
{
    if (!name || !*name)
        return dlopen(name, mode);
    char *expanded = strchr(name, '$') ? expand(name) : 0, *found = 0;
    const char *path = expanded ? expanded : name;
    void *handle = 0;
    if (!strchr(path, '/') && directory_count) {
        handle = dlopen(path, mode | RTLD_NOLOAD);
        dlerror(); /* that it was not loaded yet is no error */
        found = handle ? 0 : search(path);
    }
    if (!handle)
        handle = open_with_needs(found ? found : path, mode, MOST_NEEDS);
    free(found);
    free(expanded);
    return handle;
}
