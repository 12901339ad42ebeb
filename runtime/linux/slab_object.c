/* Slabs that the dynamic loader knows: an object that the controller has made is loaded, and the slab's own memory is
 * mapped over its zones. `dl_iterate_phdr`, `dladdr` and `dlsym(RTLD_NEXT)` then know the code there, and so do
 * collectors and unwinders, which ask these.
 *
 * The object goes by `dlclose` only, which takes the whole slab away. Where anything of this does not hold, the result
 * says so, and the controller takes plain memory. */

#define _GNU_SOURCE
#include "carriers.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t word;

/* As in src/uruk/platforms/linux/slabs_there.py; offsets are from the object's first byte. */
struct plan {
    word size, front, zones, page;
    word address; /* where it is to lie, 0 for anywhere; the answer is put here */
    word data_flags, data_size;
    word first;   /* the FDE of the object's first bytes */
    word unwinds; /* answer: whether unwinders find that by the object's table */
};

/* Written over the object's path once it is open: never the name of a file. */
static const char name[] = "uruk-slab";

struct names {
    char *at;
    word size, used;
};

static int add_name(struct dl_phdr_info *info, size_t size, void *data)
{
    struct names *names = data;
    word length = strlen(info->dlpi_name) + 1;
    (void)size;
    if (info->dlpi_name[0] != '/' || !strncmp(info->dlpi_name, "/proc/", 6))
        return 0; /* the program, the kernel's object, carriers, slabs */
    if (names->used + length <= names->size)
        memcpy(names->at + names->used, info->dlpi_name, length);
    names->used += length;
    return 0;
}

/* The names of loaded libraries in load order, each with a zero byte; how many bytes that takes. */
EXPORTED word uruk_rt_library_names(char *buffer, word size)
{
    struct names names = {buffer, size, 0};
    dl_iterate_phdr(add_name, &names);
    return names.used;
}

static int has_headers(struct dl_phdr_info *info, size_t size, void *headers)
{
    (void)size;
    return (const void *)info->dlpi_phdr == headers;
}

/* Whether what is changed in an object's headers shows at once, as it does where glibc reads them in the image. */
static int shows_headers(word address)
{
    return dl_iterate_phdr(has_headers, (void *)(address + sizeof(ElfW(Ehdr))));
}

static int map(word address, word size, int protection, int file, word offset)
{
    int flags = MAP_FIXED | MAP_NORESERVE | (file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);
    return mmap((void *)address, size, protection, flags, file, (off_t)offset) == MAP_FAILED ? errno : 0;
}

static int map_private(const struct plan *plan, word address)
{
    int error = map(address + plan->zones, plan->size - plan->zones, PROT_NONE, -1, 0);
    if (!error)
        error = map(address + plan->front, plan->zones - plan->front, PROT_READ | PROT_WRITE, -1, 0);
    if (!error && mprotect((void *)address, plan->front, PROT_READ | PROT_WRITE))
        error = errno;
    return error;
}

/* The controller writes the object's front in its own mapping; here it is only read. */
static int map_file(const struct plan *plan, word address, int file)
{
    word zones = address + plan->zones, size = plan->size - plan->zones;
    if (pwrite(file, (void *)address, plan->front, 0) != (ssize_t)plan->front)
        return errno ? errno : EIO;
    int error = map(address, plan->zones, PROT_READ, file, 0);
    if (!error)
        error = map(zones, size, PROT_NONE, file, plan->zones);
    /* a mount without the right to run programs refuses only now */
    if (!error && (mprotect((void *)zones, size, PROT_READ | PROT_EXEC) || mprotect((void *)zones, size, PROT_NONE)))
        error = errno;
    return error;
}

static int map_shared(const struct plan *plan, word address, const char *path)
{
    int file;
    do
        file = open(path, O_RDWR | O_CLOEXEC);
    while (file < 0 && errno == EINTR);
    if (file < 0)
        return errno;
    int error = map_file(plan, address, file);
    close(file);
    return error;
}

/* The data segment is writable, and has nothing yet: collectors look in all of it. */
static int show_data(const struct plan *plan, word address)
{
    if (mprotect((void *)address, plan->page, PROT_READ | PROT_WRITE))
        return errno;
    *(word *)(address + plan->data_size) = 0;
    *(unsigned *)(address + plan->data_flags) = PF_R | PF_W;
    return 0;
}

/* Whether libgcc's unwinder, where there is one, finds the FDE of the object's first bytes by the object's table. */
static int finds_frames(word address, word frame)
{
    void *library = dlopen("libgcc_s.so.1", RTLD_NOW);
    void *(*find)(void *, void **) = library ? (void *(*)(void *, void **))dlsym(library, "_Unwind_Find_FDE") : 0;
    void *bases[3];
    return !find || (word)find((void *)(address + 1), bases) == frame;
}

/* Load an object of these bytes for a slab, whose memory is the file at `path`, if that is not 0. Its handle, or 0 with
 * a text that says why not. */
EXPORTED void *uruk_rt_slab_open(const char *data, word size, struct plan *plan, const char *path, char *text,
                                 word text_size)
{
    struct link_map *entry = 0;
    void *handle = uruk_open_object(data, size, RTLD_NOW, text, text_size);
    if (!handle || dlinfo(handle, RTLD_DI_LINKMAP, &entry))
        return 0;
    word address = (word)entry->l_addr + plan->address;
    const char *problem = 0;
    if (plan->address && address != plan->address) /* glibc before 2.36 ignores the address under a PIE */
        problem = "the dynamic loader puts it elsewhere";
    else if (!shows_headers(address))
        problem = "the dynamic loader keeps a copy of program headers";
    int error = problem ? 0 : show_data(plan, address);
    if (!problem && !error)
        error = path ? map_shared(plan, address, path) : map_private(plan, address);
    if (problem || error) {
        snprintf(text, text_size, "%s", problem ? problem : strerror(error));
        dlclose(handle);
        return 0;
    }
    if (strlen(entry->l_name) >= sizeof name) /* a public member (link.h) */
        memcpy(entry->l_name, name, sizeof name);
    plan->address = address;
    plan->unwinds = finds_frames(address, address + plan->first);
    return handle;
}

/* Unload one, with all memory of its slab. */
EXPORTED void uruk_rt_slab_close(void *handle)
{
    dlclose(handle);
}
