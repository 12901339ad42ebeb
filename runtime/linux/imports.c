/* What loaded libraries import: a program's own definitions come before those of libraries, for libraries, too, but the
 * loader has bound them before the program was linked. They are bound again by bind_imports.c and bind_thread_locals.c.
 *
 * A library's references are the relocations by name that the loader has applied: of its GOT (GLOB_DAT), its PLT
 * (JUMP_SLOT), its data (ABS64), and those of thread-locals; gABI, "Relocation", AMD64 psABI, 4.4, and AAELF64, 5.7. */

#define _GNU_SOURCE
#include "imports.h"
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#if defined __x86_64__
static enum import_kind kind_of(word type)
{
    switch (type) {
    case R_X86_64_GLOB_DAT:
    case R_X86_64_64: return ADDRESS;
    case R_X86_64_JUMP_SLOT: return CALL;
    case R_X86_64_DTPMOD64: return MODULE;
    case R_X86_64_DTPOFF64: return OFFSET_IN_MODULE;
    case R_X86_64_TPOFF64: return THREAD_OFFSET;
    case R_X86_64_TLSDESC: return DESCRIPTOR;
    }
    return NO_IMPORT;
}

static int has_addend(word type)
{
    return type != R_X86_64_GLOB_DAT && type != R_X86_64_JUMP_SLOT;
}
#elif defined __aarch64__
enum { DTPMOD64 = 1028, DTPREL64, TPREL64, TLSDESC64 }; /* AAELF64, 5.7.16; elf.h has other names for some */

static enum import_kind kind_of(word type)
{
    switch (type) {
    case R_AARCH64_GLOB_DAT:
    case R_AARCH64_ABS64: return ADDRESS;
    case R_AARCH64_JUMP_SLOT: return CALL;
    case DTPMOD64: return MODULE;
    case DTPREL64: return OFFSET_IN_MODULE;
    case TPREL64: return THREAD_OFFSET;
    case TLSDESC64: return DESCRIPTOR;
    }
    return NO_IMPORT;
}

static int has_addend(word type)
{
    (void)type;
    return 1;
}
#endif

static word pointer(word base, word value)
{
    return value < base ? base + value : value; /* the loader has relocated it, or has not */
}

static void read_dynamic(struct object *object, const ElfW(Dyn) *entry)
{
    for (; entry->d_tag != DT_NULL; entry++) {
        word value = entry->d_un.d_val, at = pointer(object->base, value);
        switch (entry->d_tag) {
        case DT_SYMTAB: object->symbols = (const ElfW(Sym) *)at; break;
        case DT_STRTAB: object->strings = (const char *)at; break;
        case DT_RELA: object->tables[0].first = (const ElfW(Rela) *)at; break;
        case DT_RELASZ: object->tables[0].count = value / sizeof(ElfW(Rela)); break;
        case DT_JMPREL: object->tables[1].first = (const ElfW(Rela) *)at; break;
        case DT_SYMBOLIC: object->symbolic = 1; break;
        case DT_FLAGS: object->symbolic |= (value & DF_SYMBOLIC) != 0; break;
        case DT_PLTRELSZ: object->tables[1].count = value / sizeof(ElfW(Rela)); break;
        }
    }
}

/* Whether an object is a library: not the program, the loader, or what the kernel adds. */
static int read_object(struct object *object, const struct dl_phdr_info *info)
{
    const ElfW(Dyn) *dynamic = NULL;
    memset(object, 0, sizeof *object);
    object->base = info->dlpi_addr;
    object->page = (word)sysconf(_SC_PAGESIZE);
    if (!*info->dlpi_name || info->dlpi_addr == getauxval(AT_BASE))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        word start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_DYNAMIC)
            dynamic = (const ElfW(Dyn) *)start;
        if (header->p_type == PT_GNU_RELRO) {
            object->relro = start & -object->page;
            object->relro_end = (start + header->p_memsz) & -object->page;
        }
        if (start == getauxval(AT_SYSINFO_EHDR))
            return 0;
    }
    if (dynamic)
        read_dynamic(object, dynamic);
    return object->symbols && object->strings;
}

/* Whether a library means its own definition, whatever the program has: a protected one (gABI, "Symbol Table"). */
static int means_its_own(const struct object *object, word symbol)
{
    const ElfW(Sym) *own = &object->symbols[symbol];
    return own->st_shndx != SHN_UNDEF && (object->symbolic || ELF64_ST_VISIBILITY(own->st_other) != STV_DEFAULT);
}

struct walk {
    int kinds;
    visit *function;
    void *argument;
};

static void each_of_object(const struct object *object, const struct walk *walk)
{
    for (int table = 0; table < 2; table++)
        for (word i = 0; i < object->tables[table].count; i++) {
            const ElfW(Rela) *relocation = &object->tables[table].first[i];
            word symbol = ELF64_R_SYM(relocation->r_info), type = ELF64_R_TYPE(relocation->r_info);
            struct import import = {.object = object, .symbol = symbol, .kind = kind_of(type)};
            if (!symbol || !(import.kind & walk->kinds) || means_its_own(object, symbol))
                continue;
            import.place = object->base + relocation->r_offset;
            import.name = object->strings + object->symbols[symbol].st_name;
            import.addend = has_addend(type) ? (word)relocation->r_addend : 0;
            if (import.place % sizeof(word) == 0) /* can be written at once */
                walk->function(&import, walk->argument);
        }
}

static int walk_object(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct object object;
    (void)size;
    if (read_object(&object, info))
        each_of_object(&object, argument);
    return 0;
}

HIDDEN void uruk_each_import(int kinds, visit *function, void *argument)
{
    struct walk walk = {kinds, function, argument};
    dl_iterate_phdr(walk_object, &walk);
}

struct names { /* `seen`: a bit a symbol of the object at hand */
    char *at, *end;
    word needed, largest;
    unsigned char *seen;
    int kinds;
};

static void find_largest(const struct import *import, void *argument)
{
    struct names *names = argument;
    if (import->symbol > names->largest)
        names->largest = import->symbol;
}

static void add_name(const struct import *import, void *argument)
{
    struct names *names = argument;
    word size = strlen(import->name) + 1, symbol = import->symbol;
    if (names->seen[symbol / 8] >> symbol % 8 & 1)
        return;
    names->seen[symbol / 8] |= (unsigned char)(1 << symbol % 8);
    if ((word)(names->end - names->at) >= size) {
        memcpy(names->at, import->name, size);
        names->at += size;
    }
    names->needed += size;
}

static int add_names(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct names *names = argument;
    struct object object;
    (void)size;
    if (!read_object(&object, info))
        return 0;
    names->largest = 0;
    each_of_object(&object, &(struct walk){names->kinds, find_largest, names});
    names->seen = calloc(names->largest / 8 + 1, 1);
    if (names->seen)
        each_of_object(&object, &(struct walk){names->kinds, add_name, names});
    free(names->seen);
    return 0;
}

/* The names that libraries import for references of these kinds, each with its NUL, as far as they fit; returns the
 * bytes that all of them need. */
EXPORTED word uruk_rt_imported_names(char *to, word size, word kinds)
{
    struct names names = {.at = to, .end = to + size, .kinds = (int)kinds};
    dl_iterate_phdr(add_names, &names);
    return names.needed;
}
