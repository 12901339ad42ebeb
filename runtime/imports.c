/* What loaded libraries import, and binding it again: a program's own definitions come before those of libraries, for
 * libraries, too, but the loader has bound them before the program was linked.
 *
 * A library's references are the relocations by name that the loader has applied: of its GOT (GLOB_DAT), its PLT
 * (JUMP_SLOT) and its data (ABS64); gABI, "Relocation", AMD64 psABI, 4.4, and AAELF64, 5.7. */

#define _GNU_SOURCE
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

typedef unsigned long word;

#if defined __x86_64__
static int is_import(word type)
{
    return type == R_X86_64_GLOB_DAT || type == R_X86_64_JUMP_SLOT || type == R_X86_64_64;
}

static int adds(word type)
{
    return type == R_X86_64_64;
}

static int is_call(word type)
{
    return type == R_X86_64_JUMP_SLOT;
}
#elif defined __aarch64__
static int is_import(word type)
{
    return type == R_AARCH64_GLOB_DAT || type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_ABS64;
}

static int adds(word type)
{
    (void)type;
    return 1;
}

static int is_call(word type)
{
    return type == R_AARCH64_JUMP_SLOT;
}
#endif

struct object { /* a loaded library, by its dynamic section */
    word base, relro, relro_end, page;
    int symbolic; /* its own definitions come first (DT_SYMBOLIC, DF_SYMBOLIC) */
    const ElfW(Sym) *symbols;
    const char *strings;
    struct {
        const ElfW(Rela) *first;
        word count;
    } tables[2];
};

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

typedef void visit(const struct object *object, const ElfW(Rela) *relocation, word symbol, void *argument);

static void each_import(const struct object *object, visit *function, void *argument)
{
    for (int table = 0; table < 2; table++)
        for (word i = 0; i < object->tables[table].count; i++) {
            const ElfW(Rela) *relocation = &object->tables[table].first[i];
            word symbol = ELF64_R_SYM(relocation->r_info);
            int whole = (object->base + relocation->r_offset) % sizeof(word) == 0; /* can be written at once */
            if (symbol && whole && is_import(ELF64_R_TYPE(relocation->r_info)) && !means_its_own(object, symbol))
                function(object, relocation, symbol, argument);
        }
}

struct walk {
    visit *function;
    void *argument;
};

static int walk_object(struct dl_phdr_info *info, size_t size, void *argument)
{
    struct walk *walk = argument;
    struct object object;
    (void)size;
    if (read_object(&object, info))
        each_import(&object, walk->function, walk->argument);
    return 0;
}

static void each_import_of_all(visit *function, void *argument)
{
    struct walk walk = {function, argument};
    dl_iterate_phdr(walk_object, &walk);
}

struct names { /* `seen`: a bit a symbol of the object at hand */
    char *at, *end;
    word needed, largest;
    unsigned char *seen;
};

static void find_largest(const struct object *object, const ElfW(Rela) *relocation, word symbol, void *argument)
{
    struct names *names = argument;
    (void)object, (void)relocation;
    if (symbol > names->largest)
        names->largest = symbol;
}

static void add_name(const struct object *object, const ElfW(Rela) *relocation, word symbol, void *argument)
{
    struct names *names = argument;
    const char *text = object->strings + object->symbols[symbol].st_name;
    word size = strlen(text) + 1;
    (void)relocation;
    if (names->seen[symbol / 8] >> symbol % 8 & 1)
        return;
    names->seen[symbol / 8] |= (unsigned char)(1 << symbol % 8);
    if ((word)(names->end - names->at) >= size) {
        memcpy(names->at, text, size);
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
    each_import(&object, find_largest, names);
    names->seen = calloc(names->largest / 8 + 1, 1);
    if (names->seen)
        each_import(&object, add_name, names);
    free(names->seen);
    return 0;
}

/* The names that libraries import, each with its NUL, as far as they fit; returns the bytes that all of them need. */
EXPORTED word uruk_rt_imported_names(char *to, word size)
{
    struct names names = {.at = to, .end = to + size};
    dl_iterate_phdr(add_names, &names);
    return names.needed;
}

/* Where a library is led that was promised a name of the program, until the program is linked. */
EXPORTED void uruk_rt_not_linked_yet(void)
{
    static const char text[] = "uruk: a library calls the program while it is loaded, before the program is linked\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    abort();
}

struct binding {
    const char *name;
    word address;
};

struct bindings { /* sorted by name */
    struct binding *first;
    word count, done;
};

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct binding *)left)->name, ((const struct binding *)right)->name);
}

struct move { /* where a variable or a function was, and where it is; `size`: how much of it is copied */
    word from, to, size, constant;
};

static struct move *moves; /* all of a program's, sorted by `from`: it is linked once */
static word move_count;

static int by_origin(const void *left, const void *right)
{
    word first = ((const struct move *)left)->from, second = ((const struct move *)right)->from;
    return (first > second) - (first < second);
}

/* The last move from this address or below it; NULL if there is none. */
static const struct move *move_before(word address)
{
    word low = 0, high = move_count;
    while (low < high) {
        word middle = (low + high) / 2;
        if (moves[middle].from <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &moves[low - 1] : NULL;
}

/* Change a word; once more only readable, if it was. */
static void change(word place, word value, word page, int sealed)
{
    word start = place & -page;
    if (sealed && mprotect((void *)start, page, PROT_READ | PROT_WRITE))
        return;
    __atomic_store_n((word *)place, value, __ATOMIC_RELEASE);
    if (sealed)
        mprotect((void *)start, page, PROT_READ);
}

/* Change what the loader has written, and its copy where it lies in a variable that is copied. */
static void store(const struct object *object, word place, word value)
{
    word start = place & -object->page;
    change(place, value, object->page, start >= object->relro && start < object->relro_end);
    const struct move *copied = move_before(place);
    if (copied && place - copied->from < copied->size)
        change(copied->to + (place - copied->from), value, object->page, (int)copied->constant);
}

static word addend(const ElfW(Rela) *relocation)
{
    return adds(ELF64_R_TYPE(relocation->r_info)) ? (word)relocation->r_addend : 0;
}

static void bind(const struct object *object, const ElfW(Rela) *relocation, word symbol, void *argument)
{
    struct bindings *bindings = argument;
    struct binding wanted = {object->strings + object->symbols[symbol].st_name, 0};
    struct binding *found = bsearch(&wanted, bindings->first, bindings->count, sizeof wanted, by_name);
    word place = object->base + relocation->r_offset;
    if (!found)
        return;
    store(object, place, found->address + addend(relocation));
    bindings->done++;
}

/* Bind libraries' references to `count` names, one after the other with its NUL, to these addresses; how many. */
EXPORTED word uruk_rt_bind_imports(const char *names, const word *addresses, word count)
{
    struct bindings bindings = {malloc((count + 1) * sizeof(struct binding)), count, 0};
    if (!bindings.first)
        return 0;
    for (word i = 0; i < count; i++, names += strlen(names) + 1)
        bindings.first[i] = (struct binding){names, addresses[i]};
    qsort(bindings.first, count, sizeof *bindings.first, by_name);
    each_import_of_all(bind, &bindings);
    free(bindings.first);
    return bindings.done;
}

static void move(const struct object *object, const ElfW(Rela) *relocation, word symbol, void *argument)
{
    (void)symbol, (void)argument;
    if (is_call(ELF64_R_TYPE(relocation->r_info)))
        return;
    word place = object->base + relocation->r_offset;
    word value = *(word *)place - addend(relocation);
    const struct move *moved = move_before(value);
    if (moved && moved->from == value)
        store(object, place, moved->to + addend(relocation));
}

/* Lead libraries' references to `count` variables and functions elsewhere, whatever their names are. Calls stay as they
 * are: a function's address may be that of a stub for it, by which a call would only go a longer way. 0, or -1 when
 * there is no memory. */
EXPORTED int uruk_rt_move_imports(const struct move *given, word count)
{
    struct move *kept = realloc(moves, (count + 1) * sizeof *kept);
    if (!kept)
        return -1;
    memcpy(kept, given, count * sizeof *kept);
    qsort(kept, count, sizeof *kept, by_origin);
    moves = kept;
    move_count = count;
    each_import_of_all(move, 0);
    return 0;
}

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
EXPORTED int uruk_rt_is_constant(word address, word size)
{
    struct extent extent = {address, address + size, 0};
    dl_iterate_phdr(find_protection, &extent);
    return extent.constant;
}
