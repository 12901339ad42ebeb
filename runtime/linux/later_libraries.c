/* Libraries that a program opens: their references are bound to what the program has before their constructors run.
 *
 * The loader relocates all objects that one dlopen brings in, what needs others behind these, and then runs
 * constructors. So the program's library is opened by an object that needs it, whose only relocation names an indirect
 * function: the loader calls that in between. */

#define _GNU_SOURCE
#include "carriers.h"
#include "imports.h"
#include "tail_call.h"
#include <dlfcn.h>
#include <elf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined __x86_64__
enum { MACHINE = EM_X86_64, ADDRESS_OF_SYMBOL = R_X86_64_64 };
#elif defined __aarch64__
enum { MACHINE = EM_AARCH64, ADDRESS_OF_SYMBOL = R_AARCH64_ABS64 };
#endif

enum { HEADERS = 3, ENTRIES = 9, PAGE = 4096 };

struct opener { /* the object, as a file; its strings follow */
    ElfW(Ehdr) header;
    ElfW(Phdr) headers[HEADERS];
    ElfW(Dyn) dynamic[ENTRIES];
    ElfW(Sym) symbols[2];
    ElfW(Rela) relocation;
    word result; /* of the function */
    char strings[];
};

static struct names { /* the program's names that come before those of libraries, each with its NUL */
    const char *texts;
    const word *addresses;
    word count;
} names;

/* Keep them for libraries that come later; -1 if there is no memory. Once a process. */
EXPORTED int64_t uruk_rt_keep_names(const char *texts, word size, const word *addresses, word count)
{
    word *kept = malloc(8 * count + size);
    if (!kept)
        return -1;
    memcpy(kept, addresses, 8 * count);
    names = (struct names){memcpy(kept + count, texts, size), kept, count};
    return 0;
}

static word bind_again(void)
{
    uruk_move_later_imports();
    if (names.count)
        uruk_rt_bind_imports(names.texts, names.addresses, names.count);
    uruk_bind_later_thread_locals();
    return 0;
}

static void describe(struct opener *opener, word size)
{
    word dynamic = offsetof(struct opener, dynamic), strings = offsetof(struct opener, strings);
    const ElfW(Dyn) entries[ENTRIES] = {
        {DT_NEEDED, {1}},
        {DT_STRTAB, {strings}},
        {DT_STRSZ, {size - strings}},
        {DT_SYMTAB, {offsetof(struct opener, symbols)}},
        {DT_SYMENT, {sizeof(ElfW(Sym))}},
        {DT_RELA, {offsetof(struct opener, relocation)}},
        {DT_RELASZ, {sizeof(ElfW(Rela))}},
        {DT_RELAENT, {sizeof(ElfW(Rela))}},
    };
    opener->header = (ElfW(Ehdr)){
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_DYN,
        .e_machine = MACHINE,
        .e_version = EV_CURRENT,
        .e_phoff = offsetof(struct opener, headers),
        .e_ehsize = sizeof(ElfW(Ehdr)),
        .e_phentsize = sizeof(ElfW(Phdr)),
        .e_phnum = HEADERS,
        .e_shentsize = sizeof(ElfW(Shdr)),
    };
    opener->headers[0] = (ElfW(Phdr)){PT_LOAD, PF_R | PF_W, 0, 0, 0, size, size, PAGE};
    opener->headers[1] = (ElfW(Phdr)){
        PT_DYNAMIC, PF_R | PF_W, dynamic, dynamic, dynamic, sizeof entries, sizeof entries, sizeof(word),
    };
    opener->headers[2] = (ElfW(Phdr)){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W, .p_align = 16};
    memcpy(opener->dynamic, entries, sizeof entries);
    /* An absolute symbol has its address wherever the object lies (glibc from 2.28 on). */
    opener->symbols[1] = (ElfW(Sym)){
        .st_info = ELF64_ST_INFO(STB_LOCAL, STT_GNU_IFUNC),
        .st_shndx = SHN_ABS,
        .st_value = (word)bind_again,
    };
    opener->relocation = (ElfW(Rela)){offsetof(struct opener, result), ELF64_R_INFO(1, ADDRESS_OF_SYMBOL), 0};
}

static void *open_by(const char *path, int mode, int *file)
{
    word size = sizeof(struct opener) + 1 + strlen(path) + 1;
    struct opener *opener = calloc(size, 1);
    if (!opener)
        return 0;
    describe(opener, size);
    strcpy(opener->strings + 1, path); /* the string at 0 is the empty one */
    void *handle = uruk_open_shortly((const char *)opener, size, mode, file);
    free(opener);
    return handle;
}

/* dlopen of a library with or without the program's definitions in its place; nothing else differs. */
HIDDEN void *uruk_open_library(const char *path, int mode)
{
    if (mode & RTLD_NOLOAD || !(names.count || uruk_has_moved() || uruk_keeps_thread_locals()))
        return dlopen(path, mode);
    int file = -1, loaded = dlopen(path, mode | RTLD_NOLOAD) != 0;
    void *opener = loaded ? 0 : open_by(path, mode & ~RTLD_NODELETE, &file);
    dlerror(); /* neither is an error of the program's */
    void *handle = dlopen(path, mode);
    if (loaded && handle)
        dlclose(handle); /* it was counted twice */
    if (!loaded && !opener && handle)
        bind_again(); /* there is no memory file: late is better than never */
    if (opener)
        dlclose(opener);
    if (file >= 0)
        close(file);
    return handle;
}

/* dlopen for libraries. The loader looks for a name without a slash where its caller says, which is found by the return
 * address: only what has one is opened from here. */
EXPORTED void *uruk_rt_dlopen_of_library(const char *name, int mode)
{
    if (name && strchr(name, '/') && !strchr(name, '$'))
        return uruk_open_library(name, mode);
    TAIL_CALL return dlopen(name, mode);
}
