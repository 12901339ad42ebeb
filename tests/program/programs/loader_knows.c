// dl_iterate_phdr and dladdr know functions, constants and data of the program; all of its data can be read.
//#compilers: gcc clang
//#flags: @pic
//#link: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

static int datum = 5, zeroed[3000];
static const int constant = 7;
static _Alignas(4096) int aligned = 3;

struct query {
    ElfW(Addr) address;
    unsigned flags;
};

static int covered(struct dl_phdr_info *info, size_t size, void *data) {
    struct query *query = data;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        ElfW(Addr) start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && query->address - start < header->p_memsz) {
            query->flags = header->p_flags;
            return 1;
        }
    }
    return 0;
}

static unsigned flags_of(const void *address) {
    struct query query = {(ElfW(Addr))address, 99};
    return dl_iterate_phdr(covered, &query) ? query.flags : 99;
}

static int sum(struct dl_phdr_info *info, size_t size, void *data) { /* as a conservative collector looks for roots */
    struct query *query = data;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || !(header->p_flags & PF_W) || !covered(info, size, query))
            continue;
        const volatile unsigned char *byte = (void *)(info->dlpi_addr + header->p_vaddr);
        unsigned total = 0;
        for (size_t at = 0; at < header->p_memsz; at++)
            total += byte[at];
        return total > 0 ? 1 : 2;
    }
    return 0;
}

int main(void) {
    Dl_info info = {0};
    struct query query = {(ElfW(Addr))&datum, 0};
    printf("%x %x %x %x\n", flags_of((void *)main) & PF_X, flags_of(&datum), flags_of(zeroed), flags_of(&aligned));
    printf("%d\n", (flags_of(&constant) & (PF_R | PF_W)) == PF_R);
    printf("%d %d\n", dladdr((void *)covered, &info) != 0, info.dli_fname && info.dli_fbase);
    printf("%d\n", dl_iterate_phdr(sum, &query));
    return datum - 5 + zeroed[2] + aligned - 3;
}
