/* Modules of linked code: where their code lies, and their unwind data, `.pdata` sorted by where functions begin. A slab
 * has a callback for all its modules, as unwind data counts from where the slab begins, whatever lies there.
 *
 * (One RtlAddFunctionTable a module would do on Windows. wine takes a table's range to begin at its base, and looks into
 * the first whose range fits: of two modules in a slab it would find one's functions only.) */

#include "modules.h"

#include <string.h>
#include <windows.h>

#define EXPORTED __attribute__((visibility("default")))

enum { MARK = 3 }; /* in the low bits of the callback's identifier (RtlInstallFunctionTableCallback) */

struct slab {
    uint64_t base, size;
    uint64_t modules;
    struct slab *next;
};

struct module {
    struct slab *slab;
    struct module *next;
    uint64_t start, end; /* of its code */
    uint64_t count;
    RUNTIME_FUNCTION functions[];
};

/* `changing` is held by who registers and takes back, `lock` while the lists change. The callback takes `lock` alone,
 * within a lock of the system's that installing takes, too. */
static SRWLOCK changing = SRWLOCK_INIT, lock = SRWLOCK_INIT;
static struct slab *slabs;
static struct module *modules;

static RUNTIME_FUNCTION *find_function(struct module *module, uint64_t offset)
{
    uint64_t low = 0, high = module->count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (module->functions[middle].BeginAddress <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    RUNTIME_FUNCTION *function = low ? &module->functions[low - 1] : 0;
    return function && offset < function->EndAddress ? function : 0;
}

/* With the lock. */
static struct module *find_module(uint64_t address)
{
    struct module *module = modules;
    while (module && (address < module->start || address >= module->end))
        module = module->next;
    return module;
}

uint64_t module_at(uint64_t address)
{
    AcquireSRWLockShared(&lock);
    uint64_t module = (uint64_t)find_module(address);
    ReleaseSRWLockShared(&lock);
    return module;
}

/* What is found stays while code of its module runs. */
static PRUNTIME_FUNCTION CALLBACK find(DWORD64 address, PVOID context)
{
    RUNTIME_FUNCTION *function = 0;
    (void)context;
    AcquireSRWLockShared(&lock);
    struct module *module = find_module(address);
    if (module)
        function = find_function(module, address - module->slab->base);
    ReleaseSRWLockShared(&lock);
    return function;
}

static struct slab *slab_at(uint64_t base, uint64_t size)
{
    struct slab *slab = slabs;
    while (slab && slab->base != base)
        slab = slab->next;
    if (slab || !(slab = HeapAlloc(GetProcessHeap(), 0, sizeof *slab)))
        return slab;
    *slab = (struct slab){base, size, 0, slabs};
    if (!RtlInstallFunctionTableCallback(base | MARK, base, (DWORD)size, find, 0, 0)) {
        HeapFree(GetProcessHeap(), 0, slab);
        return 0;
    }
    return slabs = slab;
}

static void give_up(struct slab *slab)
{
    struct slab **place = &slabs;
    while (*place != slab)
        place = &(*place)->next;
    *place = slab->next;
    RtlDeleteFunctionTable((PRUNTIME_FUNCTION)(slab->base | MARK));
    HeapFree(GetProcessHeap(), 0, slab);
}

/* Register a module of the slab of `slab_size` bytes at `base`: its code, and its functions, sorted. Returns what takes it
 * back; 0 without memory. */
EXPORTED uint64_t uruk_rt_register_module(uint64_t base, uint64_t slab_size, uint64_t start, uint64_t size,
                                          const RUNTIME_FUNCTION *functions, uint64_t count)
{
    uint64_t bytes = count * sizeof *functions;
    struct module *module = HeapAlloc(GetProcessHeap(), 0, sizeof *module + bytes);
    if (!module)
        return 0;
    AcquireSRWLockExclusive(&changing);
    struct slab *slab = slab_at(base, slab_size);
    if (slab) {
        slab->modules++;
        memcpy(module->functions, functions, bytes);
        AcquireSRWLockExclusive(&lock);
        module->slab = slab, module->next = modules, module->count = count;
        module->start = start, module->end = start + size;
        modules = module;
        ReleaseSRWLockExclusive(&lock);
    }
    ReleaseSRWLockExclusive(&changing);
    if (slab)
        return (uint64_t)module;
    HeapFree(GetProcessHeap(), 0, module);
    return 0;
}

/* Take a module back, once, before the memory of its code goes. */
EXPORTED int64_t uruk_rt_deregister_module(struct module *module)
{
    AcquireSRWLockExclusive(&changing);
    AcquireSRWLockExclusive(&lock);
    struct module **place = &modules;
    while (*place && *place != module)
        place = &(*place)->next;
    int known = *place != 0;
    if (known)
        *place = module->next;
    ReleaseSRWLockExclusive(&lock);
    if (known && !--module->slab->modules)
        give_up(module->slab);
    ReleaseSRWLockExclusive(&changing);
    if (known)
        HeapFree(GetProcessHeap(), 0, module);
    return known ? 0 : -1;
}

/* Return where the slab begins that an address lies in, and from which its unwind data and types count; 0 for others. */
EXPORTED uint64_t uruk_rt_image_base(uint64_t address)
{
    AcquireSRWLockShared(&changing);
    struct slab *slab = slabs;
    while (slab && address - slab->base >= slab->size)
        slab = slab->next;
    uint64_t base = slab ? slab->base : 0;
    ReleaseSRWLockShared(&changing);
    return base;
}
