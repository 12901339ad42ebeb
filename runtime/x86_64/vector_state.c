/* How to save this processor's vector registers: read by tlsdesc.S.
 *
 * Sizes and the two layouts of the save area: Intel SDM volume 1, chapter 13 "Managing state using the XSAVE feature
 * set"; CPUID leaf 13. */

#define EXPORTED __attribute__((visibility("default")))
#define HIDDEN __attribute__((visibility("hidden")))

#include <cpuid.h>
#include <stdint.h>

enum { LEGACY_AND_HEADER = 576, FXSAVE = 512 };

/* x87, SSE, AVX, AVX-512 (three parts), and the 16 further general registers. Tiles and protection keys are left out:
 * nothing under __tls_get_addr changes them. */
enum { WANTED = 1u << 0 | 1u << 1 | 1u << 2 | 7u << 5 | 1u << 19 };

HIDDEN uint64_t uruk_vector_size = FXSAVE; /* bytes */
HIDDEN unsigned uruk_vector_mask;               /* components to save; 0: fxsave */
HIDDEN unsigned uruk_vector_compact;            /* xsavec rather than xsave */

static unsigned enabled(void)
{
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static uint64_t area_size(unsigned mask, int compact)
{
    uint64_t end = LEGACY_AND_HEADER;
    for (unsigned part = 2; part < 32; part++) {
        unsigned size, offset, flags, unused;
        if (!(mask >> part & 1) || !__get_cpuid_count(13, part, &size, &offset, &flags, &unused))
            continue;
        if (compact)
            end = (flags & 2 ? (end + 63) & -(uint64_t)64 : end) + size;
        else if (end < offset + (uint64_t)size)
            end = offset + (uint64_t)size;
    }
    return end;
}

/* Call once, before any descriptor of tlsdesc.S is used. */
EXPORTED int64_t uruk_rt_find_vector_size(void)
{
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
        return 0;
    int compact = __get_cpuid_count(13, 1, &eax, &ebx, &ecx, &edx) && (eax & 2);
    unsigned mask = enabled() & WANTED;
    uruk_vector_size = area_size(mask, compact);
    uruk_vector_compact = compact;
    uruk_vector_mask = mask;
    return 0;
}
