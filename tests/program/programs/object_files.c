// Whoever opens the files of loaded objects, as libbacktrace does, can read a header in each of them.
//#compilers: gcc
//#flags: -O1 | -fPIC
#define _GNU_SOURCE
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static __thread int counter = 5;
static __thread char zeros[40];

static int look(struct dl_phdr_info *info, size_t size, void *others) {
    (void)size;
    int file = info->dlpi_name[0] ? open(info->dlpi_name, O_RDONLY) : -1;
    if (file < 0)
        return 0;
    const ElfW(Ehdr) *header = mmap(NULL, sizeof *header, PROT_READ, MAP_PRIVATE, file, 0);
    if (header == MAP_FAILED || memcmp(header->e_ident, ELFMAG, SELFMAG) || header->e_ehsize != sizeof *header)
        ++*(int *)others;
    close(file);
    return 0;
}

int main(void) {
    int others = 0;
    dl_iterate_phdr(look, &others);
    printf("%d %d %d\n", others, ++counter, zeros[3]);
    return 0;
}
