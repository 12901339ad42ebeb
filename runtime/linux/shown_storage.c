/* `dl_iterate_phdr` that shows the thread-locals of linked code where the code lies. The loader knows them as those of
 * a carrier, an object apart from the slab's. A collector that looks for the roots of the object in which its caller
 * lies takes its writable segments, and this thread's block of its PT_TLS segment: D's runtime does (libgdruntime). */

#define _GNU_SOURCE
#include "imports.h"
#include "tail_call.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_HEADERS = 16 };

struct shown { /* a slab's object: its headers, and the module whose storage it is shown with; 0 for none */
    struct shown *next;
    const ElfW(Phdr) *headers;
    word module;
    ElfW(Phdr) with_storage[MOST_HEADERS]; /* what callers are given: they may keep the address */
};

/* Read and changed with the loader's lock, which dl_iterate_phdr holds during its callbacks. */
static struct shown *all_shown;

typedef int callback(struct dl_phdr_info *info, size_t size, void *argument);

struct query {
    callback *function;
    void *argument;
};

struct storage {
    word module, start, size, alignment;
    void *of_thread;
};

static int find_storage(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct storage *storage = argument;
    (void)size;
    if (info->dlpi_tls_modid != storage->module)
        return 0;
    storage->of_thread = info->dlpi_tls_data;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS) {
            storage->start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            storage->size = info->dlpi_phdr[i].p_memsz;
            storage->alignment = info->dlpi_phdr[i].p_align;
        }
    return 1;
}

/* The headers as they are now, and one for the storage behind them; 0 where it is gone. */
static int add_storage(struct shown *shown, struct dl_phdr_info *info)
{
    struct storage storage = {.module = shown->module};
    if (!dl_iterate_phdr(find_storage, &storage) || info->dlpi_phnum >= MOST_HEADERS)
        return 0;
    memcpy(shown->with_storage, info->dlpi_phdr, info->dlpi_phnum * sizeof *info->dlpi_phdr);
    shown->with_storage[info->dlpi_phnum++] = (ElfW(Phdr)){
        .p_type = PT_TLS,
        .p_flags = PF_R,
        .p_vaddr = storage.start - info->dlpi_addr,
        .p_memsz = storage.size,
        .p_align = storage.alignment,
    };
    info->dlpi_phdr = shown->with_storage;
    info->dlpi_tls_modid = storage.module;
    info->dlpi_tls_data = storage.of_thread;
    return 1;
}

static int answer(struct dl_phdr_info *info, size_t size, void *argument)
{
    const struct query *query = argument;
    struct dl_phdr_info changed = *info;
    for (struct shown *shown = all_shown; shown; shown = shown->next)
        if (shown->headers == info->dlpi_phdr && shown->module && add_storage(shown, &changed))
            return query->function(&changed, sizeof changed < size ? sizeof changed : size, query->argument);
    return query->function(info, size, query->argument);
}

__attribute__((noinline)) static int iterate(callback *function, void *argument)
{
    struct query query = {function, argument};
    return dl_iterate_phdr(answer, &query);
}

EXPORTED int uruk_rt_dl_iterate_phdr(callback *function, void *argument)
{
    if (!__atomic_load_n(&all_shown, __ATOMIC_ACQUIRE))
        TAIL_CALL return dl_iterate_phdr(function, argument);
    return iterate(function, argument);
}

struct change { /* `fresh`: an entry to use where there is none yet */
    const ElfW(Phdr) *headers;
    word module;
    struct shown *fresh;
};

static int show(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct change *change = argument;
    struct shown *shown = all_shown;
    (void)info, (void)size;
    while (shown && shown->headers != change->headers)
        shown = shown->next;
    if (!shown) {
        shown = change->fresh;
        change->fresh = 0;
        shown->headers = change->headers;
        shown->next = all_shown;
        __atomic_store_n(&all_shown, shown, __ATOMIC_RELEASE);
    }
    shown->module = change->module;
    return 1;
}

/* Show the object at `address` with the thread-locals of this module, in the place of another's. -1: no memory. */
EXPORTED int64_t uruk_rt_show_storage(word address, word module)
{
    struct change change = {(const ElfW(Phdr) *)(address + sizeof(ElfW(Ehdr))), module, calloc(1, sizeof *all_shown)};
    if (!change.fresh)
        return -1;
    dl_iterate_phdr(show, &change);
    free(change.fresh);
    return 0;
}

static int hide(struct dl_phdr_info *info, size_t size, void *module)
{
    (void)info, (void)size;
    for (struct shown *shown = all_shown; shown; shown = shown->next)
        if (shown->module == *(word *)module)
            shown->module = 0;
    return 1;
}

/* The storage of this module goes, and its number may be another's soon. */
EXPORTED void uruk_rt_hide_storage(word module)
{
    dl_iterate_phdr(hide, &module);
}

static void bind(const struct import *import, void *library)
{
    if (import->object->base == *(word *)library && !strcmp(import->name, "dl_iterate_phdr"))
        uruk_store_import(import, import->place, (word)uruk_rt_dl_iterate_phdr + import->addend);
}

/* Have the library in which a function lies ask here. */
EXPORTED void uruk_rt_bind_iterate(void *function)
{
    Dl_info place;
    struct link_map *library;
    if (dladdr1(function, &place, (void **)&library, RTLD_DL_LINKMAP))
        uruk_each_import(ADDRESSES, bind, &library->l_addr);
}
