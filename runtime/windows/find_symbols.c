/* Names of DLLs, all that a link needs in one call; see runtime/linux/find_symbols.c, whose function this is.
 *
 * An export table does not say what is a variable; the protection of the page does, on which an export lies. */

#include <stdint.h>
#include <string.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t word;

enum { DATA = 1, LIBRARY = 2 }; /* flags: it is a variable; it lies in a library */
enum { RUNS = PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY };

struct wanted { /* offsets in the texts; exports have no versions */
    uint32_t name, version;
};

struct found { /* `place`: which of the handles has it */
    word address, size;
    uint32_t flags, place;
};

/* "#7" is export number 7: GetProcAddress takes a number of 16 bits in place of a name. 0 is none. */
static const char *asked_for(const char *name)
{
    word number = 0;
    if (*name != '#')
        return name;
    while (*++name >= '0' && *name <= '9' && number <= 0xffff)
        number = 10 * number + (word)(*name - '0');
    return *name || number > 0xffff ? 0 : (const char *)number;
}

static word in_process(const char *name)
{
    static const char *const libraries[] = {"kernel32.dll", "ntdll.dll"};
    word address = 0;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries && !address; i++)
        address = (word)GetProcAddress(GetModuleHandleA(libraries[i]), name);
    return address;
}

static uint32_t flags_at(word address)
{
    MEMORY_BASIC_INFORMATION region;
    if (!VirtualQuery((void *)address, &region, sizeof region))
        return 0;
    return LIBRARY | (region.Protect & RUNS ? 0 : DATA);
}

/* Look `count` names up, each in the first of the libraries that has it; the handle 0 stands for the libraries that every
 * process has. Rows of names that none has are 0. Returns 0. */
EXPORTED int64_t uruk_rt_find_symbols(HMODULE *handles, word handle_count, const char *texts, const struct wanted *wanted,
                                      word count, struct found *rows)
{
    memset(rows, 0, count * sizeof *rows);
    for (word row = 0; row < count; row++) {
        const char *name = texts + wanted[row].name;
        const char *asked = asked_for(name);
        if (!asked || !*name || wanted[row].version)
            continue;
        for (word i = 0; i < handle_count && !rows[row].address; i++) {
            word address = handles[i] ? (word)GetProcAddress(handles[i], asked) : in_process(name);
            if (address)
                rows[row] = (struct found){address, 0, flags_at(address), (uint32_t)i};
        }
    }
    return 0;
}
