/* The resources of a program, which the system looks for in the module of the process: the executor has none itself.
 *
 * Source: the PE/COFF specification, "Optional Header Data Directories", "The .rsrc Section". */

#include "reservations.h"

#include <stdint.h>
#include <string.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

static const uint64_t REACH = UINT32_MAX; /* places in a module are numbers of 32 bits from its first byte on */

/* `image`: a tree of resources and their content, in which `count` leaves at `first` count from its own first byte.
 * 0, or -1 without memory. */
EXPORTED int64_t uruk_rt_set_resources(const char *image, uint64_t size, uint64_t first, uint64_t count)
{
    char *module = (char *)GetModuleHandleA(0);
    IMAGE_NT_HEADERS64 *headers = (IMAGE_NT_HEADERS64 *)(module + ((IMAGE_DOS_HEADER *)module)->e_lfanew);
    IMAGE_DATA_DIRECTORY *directory = &headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_RESOURCE];
    uint64_t place = free_place(size, (uint64_t)module, (uint64_t)module + REACH);
    char *copy = place ? VirtualAlloc((void *)place, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE) : 0;
    DWORD before;
    if (!copy)
        return -1;
    memcpy(copy, image, size);
    IMAGE_RESOURCE_DATA_ENTRY *leaves = (IMAGE_RESOURCE_DATA_ENTRY *)(copy + first);
    for (uint64_t i = 0; i < count; i++)
        leaves[i].OffsetToData += (DWORD)(copy - module);
    if (!VirtualProtect(copy, size, PAGE_READONLY, &before) ||
        !VirtualProtect(directory, sizeof *directory, PAGE_READWRITE, &before))
        return -1;
    *directory = (IMAGE_DATA_DIRECTORY){(DWORD)(copy - module), (DWORD)size};
    return VirtualProtect(directory, sizeof *directory, before, &before) ? 0 : -1;
}
