/* The dynamic symbol table of a loaded object, as it lies in memory, and a name in it by the object's hash table. */

#ifndef URUK_SYMBOL_TABLES_H
#define URUK_SYMBOL_TABLES_H

#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <string.h>

struct tables {
    const ElfW(Sym) *symbols;
    const char *strings;
    const uint32_t *gnu, *hash;
    uint64_t soname, strings_size;
    int is_filter; /* another object's definitions stand for its own */
};

/* From the dynamic section of an object with this bias. glibc has added the bias to the addresses in it, except where the
 * section is read-only. */
static inline struct tables find_tables(const ElfW(Dyn) *entry, uint64_t bias)
{
    struct tables tables = {0};
    for (; entry && entry->d_tag != DT_NULL; entry++) {
        uint64_t value = entry->d_un.d_ptr, address = value < bias ? value + bias : value;
        switch (entry->d_tag) {
        case DT_SYMTAB: tables.symbols = (const void *)address; break;
        case DT_STRTAB: tables.strings = (const void *)address; break;
        case DT_STRSZ: tables.strings_size = value; break;
        case DT_GNU_HASH: tables.gnu = (const void *)address; break;
        case DT_HASH: tables.hash = (const void *)address; break;
        case DT_SONAME: tables.soname = value; break;
        case DT_FILTER:
        case DT_AUXILIARY: tables.is_filter = 1; break;
        }
    }
    return tables;
}

typedef int is_wanted(const ElfW(Sym) *symbol, const void *argument);

static inline const ElfW(Sym) *check_symbol(const struct tables *tables, uint32_t index, const char *name,
                                            is_wanted *wanted, const void *argument)
{
    const ElfW(Sym) *symbol = &tables->symbols[index];
    int is_it = symbol->st_shndx != SHN_UNDEF && symbol->st_name < tables->strings_size &&
                wanted(symbol, argument) && !strcmp(tables->strings + symbol->st_name, name);
    return is_it ? symbol : 0;
}

static inline uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    const unsigned char *c = (const void *)name;
    for (; c[0] && c[1]; c += 2) /* two at a time, as a multiplication waits for the one before */
        hash = hash * (33 * 33) + (c[0] * 33 + c[1]);
    return *c ? hash * 33 + *c : hash;
}

/* False for a name that the filter of a GNU hash table rules out: each name of the table has set two bits in one of the
 * filter's words, whose number is a power of two. */
static inline int may_have(const uint32_t *gnu, uint32_t hash)
{
    const uint64_t *words = (const uint64_t *)(gnu + 4);
    uint32_t count = gnu[2], shift = gnu[3] % 32;
    uint64_t word = count ? words[hash / 64 & (count - 1)] : UINT64_MAX;
    return (int)(word >> hash % 64 & word >> (hash >> shift) % 64 & 1);
}

/* `hash` is the name's `gnu_hash`. */
static inline const ElfW(Sym) *find_by_gnu_hash(const struct tables *tables, const char *name, uint32_t hash,
                                                is_wanted *wanted, const void *argument)
{
    uint32_t buckets = tables->gnu[0], first = tables->gnu[1], words = tables->gnu[2];
    if (!may_have(tables->gnu, hash))
        return 0;
    const uint32_t *bucket = (const uint32_t *)((const uint64_t *)(tables->gnu + 4) + words);
    const uint32_t *chain = bucket + buckets;
    uint32_t index = buckets ? bucket[hash % buckets] : 0;
    if (index < first || !index)
        return 0;
    for (;; index++) {
        const ElfW(Sym) *symbol = 0;
        if ((chain[index - first] | 1) == (hash | 1)) /* the lowest bit marks the end of a chain */
            symbol = check_symbol(tables, index, name, wanted, argument);
        if (symbol || chain[index - first] & 1)
            return symbol;
    }
}

static inline uint32_t sysv_hash(const char *name)
{
    uint32_t hash = 0;
    for (const unsigned char *c = (const void *)name; *c; c++) {
        hash = (hash << 4) + *c;
        hash = (hash ^ (hash & 0xf0000000) >> 24) & 0x0fffffff;
    }
    return hash;
}

static inline const ElfW(Sym) *find_by_hash(const struct tables *tables, const char *name, is_wanted *wanted,
                                            const void *argument)
{
    uint32_t buckets = tables->hash[0], count = tables->hash[1];
    const uint32_t *bucket = tables->hash + 2, *chain = bucket + buckets;
    /* uruk's own objects have one bucket, for any hash. */
    uint32_t index = buckets ? bucket[buckets > 1 ? sysv_hash(name) % buckets : 0] : 0;
    for (uint32_t steps = 0; index && index < count && steps < count; index = chain[index], steps++) {
        const ElfW(Sym) *symbol = check_symbol(tables, index, name, wanted, argument);
        if (symbol)
            return symbol;
    }
    return 0;
}

/* The first definition of a name that is `wanted`; gABI, "Hash Table", and the GNU hash table of glibc's dl-lookup.c.
 * `hash` is the name's `gnu_hash`, for those who ask several objects. */
static inline const ElfW(Sym) *find_hashed(const struct tables *tables, const char *name, uint32_t hash,
                                           is_wanted *wanted, const void *argument)
{
    if (!tables->symbols || !tables->strings)
        return 0;
    if (tables->gnu)
        return find_by_gnu_hash(tables, name, hash, wanted, argument);
    return tables->hash ? find_by_hash(tables, name, wanted, argument) : 0;
}

static inline const ElfW(Sym) *find_definition(const struct tables *tables, const char *name, is_wanted *wanted,
                                               const void *argument)
{
    return find_hashed(tables, name, tables->gnu ? gnu_hash(name) : 0, wanted, argument);
}

#endif
