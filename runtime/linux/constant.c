/* Whether a library's variable may be written to. */

#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t word;

struct extent {
    word start, end;
    int constant;
};

static int is_within(word start, word end, const struct extent *extent)
{
    return start <= extent->start && extent->end <= end;
}

static int find_protection(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct extent *extent = argument;
    int known = 0;
    word page = (word)sysconf(_SC_PAGESIZE);
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        word start = info->dlpi_addr + header->p_vaddr, end = start + header->p_memsz;
        if (header->p_type == PT_LOAD && is_within(start, end, extent)) {
            known = 1;
            extent->constant |= !(header->p_flags & PF_W);
        }
        if (header->p_type == PT_GNU_RELRO)
            extent->constant |= is_within(start & -page, end & -page, extent);
    }
    return known;
}

/* Whether nobody may write to a variable of a library: a segment without PF_W, or RELRO, has it (gABI, "Program Header"). */
EXPORTED int64_t uruk_rt_is_constant(word address, word size)
{
    struct extent extent = {address, address + size, 0};
    dl_iterate_phdr(find_protection, &extent);
    return extent.constant;
}
