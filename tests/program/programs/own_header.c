// The program's ELF header (as profilers and readers of build identifiers use it): its segments hold code and data.
//#compilers: gcc clang
//#flags: @pic
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
static int data = 7;

static int holds(const void *place) {
    const ElfW(Phdr) *header = (const void *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
    uintptr_t bias = 0;
    for (int i = 0; i < __ehdr_start.e_phnum; i++)
        if (header[i].p_type == PT_LOAD && header[i].p_offset == 0) {
            bias = (uintptr_t)&__ehdr_start - header[i].p_vaddr;
            break;
        }
    for (int i = 0; i < __ehdr_start.e_phnum; i++)
        if (header[i].p_type == PT_LOAD && (uintptr_t)place - bias - header[i].p_vaddr < header[i].p_memsz) return 1;
    return 0;
}

int main(void) {
    printf("%d\n", memcmp(__ehdr_start.e_ident, ELFMAG, SELFMAG));
    printf("%d %d %d\n", holds((void *)main), holds(&data), holds((void *)1));
    return 0;
}
