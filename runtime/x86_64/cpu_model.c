/* What the processor can do, as libgcc and compiler-rt lay it out: __builtin_cpu_supports, __builtin_cpu_is,
 * target_clones and hand-written IFUNC resolvers read these tables.
 *
 * A feature's number is part of the compilers' ABI (the first 32 are in __cpu_model, the others in __cpu_features2);
 * leaves, registers and bits are the processors' (Intel SDM volume 2 "CPUID", AMD APM volume 3 appendix E). */

#define _GNU_SOURCE

#include <cpuid.h>
#include <dlfcn.h>

enum { EAX, EBX, ECX, EDX };
enum { ANY, AVX, AVX512, AMX }; /* the registers that the operating system must save */

struct feature {
    unsigned leaf;
    unsigned char subleaf, reg, bit, number, state;
};

static const struct feature features[] = {
    {1, 0, ECX, 0, 5, ANY}, /* sse3 */
    {1, 0, ECX, 1, 19, ANY}, /* pclmul */
    {1, 0, ECX, 9, 6, ANY}, /* ssse3 */
    {1, 0, ECX, 12, 14, AVX}, /* fma */
    {1, 0, ECX, 13, 46, ANY}, /* cmpxchg16b */
    {1, 0, ECX, 19, 7, ANY}, /* sse4.1 */
    {1, 0, ECX, 20, 8, ANY}, /* sse4.2 */
    {1, 0, ECX, 22, 58, ANY}, /* movbe */
    {1, 0, ECX, 23, 2, ANY}, /* popcnt */
    {1, 0, ECX, 25, 18, ANY}, /* aes */
    {1, 0, ECX, 26, 81, ANY}, /* xsave */
    {1, 0, ECX, 27, 62, ANY}, /* osxsave */
    {1, 0, ECX, 28, 9, AVX}, /* avx */
    {1, 0, ECX, 29, 49, AVX}, /* f16c */
    {1, 0, ECX, 30, 69, ANY}, /* rdrnd */
    {1, 0, EDX, 8, 47, ANY}, /* cmpxchg8b */
    {1, 0, EDX, 15, 0, ANY}, /* cmov */
    {1, 0, EDX, 23, 1, ANY}, /* mmx */
    {1, 0, EDX, 24, 51, ANY}, /* fxsave */
    {1, 0, EDX, 25, 3, ANY}, /* sse */
    {1, 0, EDX, 26, 4, ANY}, /* sse2 */
    {7, 0, EBX, 0, 50, ANY}, /* fsgsbase */
    {7, 0, EBX, 2, 73, ANY}, /* sgx */
    {7, 0, EBX, 3, 16, ANY}, /* bmi */
    {7, 0, EBX, 4, 52, ANY}, /* hle */
    {7, 0, EBX, 5, 10, AVX}, /* avx2 */
    {7, 0, EBX, 8, 17, ANY}, /* bmi2 */
    {7, 0, EBX, 11, 71, ANY}, /* rtm */
    {7, 0, EBX, 16, 15, AVX512}, /* avx512f */
    {7, 0, EBX, 17, 22, AVX512}, /* avx512dq */
    {7, 0, EBX, 18, 70, ANY}, /* rdseed */
    {7, 0, EBX, 19, 40, ANY}, /* adx */
    {7, 0, EBX, 21, 27, AVX512}, /* avx512ifma */
    {7, 0, EBX, 23, 43, ANY}, /* clflushopt */
    {7, 0, EBX, 24, 44, ANY}, /* clwb */
    {7, 0, EBX, 26, 25, AVX512}, /* avx512pf */
    {7, 0, EBX, 27, 24, AVX512}, /* avx512er */
    {7, 0, EBX, 28, 23, AVX512}, /* avx512cd */
    {7, 0, EBX, 29, 74, ANY}, /* sha */
    {7, 0, EBX, 30, 21, AVX512}, /* avx512bw */
    {7, 0, EBX, 31, 20, AVX512}, /* avx512vl */
    {7, 0, ECX, 0, 65, ANY}, /* prefetchwt1 */
    {7, 0, ECX, 1, 26, AVX512}, /* avx512vbmi */
    {7, 0, ECX, 4, 64, ANY}, /* pku */
    {7, 0, ECX, 5, 79, ANY}, /* waitpkg */
    {7, 0, ECX, 6, 31, AVX512}, /* avx512vbmi2 */
    {7, 0, ECX, 7, 75, ANY}, /* shstk */
    {7, 0, ECX, 8, 32, ANY}, /* gfni */
    {7, 0, ECX, 9, 78, AVX}, /* vaes */
    {7, 0, ECX, 10, 33, AVX}, /* vpclmulqdq */
    {7, 0, ECX, 11, 34, AVX512}, /* avx512vnni */
    {7, 0, ECX, 12, 35, AVX512}, /* avx512bitalg */
    {7, 0, ECX, 14, 30, AVX512}, /* avx512vpopcntdq */
    {7, 0, ECX, 22, 68, ANY}, /* rdpid */
    {7, 0, ECX, 23, 90, ANY}, /* kl */
    {7, 0, ECX, 25, 42, ANY}, /* cldemote */
    {7, 0, ECX, 27, 60, ANY}, /* movdiri */
    {7, 0, ECX, 28, 59, ANY}, /* movdir64b */
    {7, 0, ECX, 29, 48, ANY}, /* enqcmd */
    {7, 0, EDX, 2, 28, AVX512}, /* avx5124vnniw */
    {7, 0, EDX, 3, 29, AVX512}, /* avx5124fmaps */
    {7, 0, EDX, 5, 88, ANY}, /* uintr */
    {7, 0, EDX, 8, 37, AVX512}, /* avx512vp2intersect */
    {7, 0, EDX, 14, 72, ANY}, /* serialize */
    {7, 0, EDX, 16, 77, ANY}, /* tsxldtrk */
    {7, 0, EDX, 18, 63, ANY}, /* pconfig */
    {7, 0, EDX, 20, 53, ANY}, /* ibt */
    {7, 0, EDX, 22, 87, AMX}, /* amx-bf16 */
    {7, 0, EDX, 23, 94, AVX512}, /* avx512fp16 */
    {7, 0, EDX, 24, 85, AMX}, /* amx-tile */
    {7, 0, EDX, 25, 86, AMX}, /* amx-int8 */
    {7, 1, EAX, 0, 109, AVX}, /* sha512 */
    {7, 1, EAX, 1, 108, AVX}, /* sm3 */
    {7, 1, EAX, 2, 110, AVX}, /* sm4 */
    {7, 1, EAX, 3, 105, ANY}, /* raoint */
    {7, 1, EAX, 4, 93, AVX}, /* avxvnni */
    {7, 1, EAX, 5, 36, AVX512}, /* avx512bf16 */
    {7, 1, EAX, 7, 102, ANY}, /* cmpccxadd */
    {7, 1, EAX, 21, 103, AMX}, /* amx-fp16 */
    {7, 1, EAX, 22, 89, ANY}, /* hreset */
    {7, 1, EAX, 23, 99, AVX}, /* avxifma */
    {7, 1, EDX, 4, 100, AVX}, /* avxvnniint8 */
    {7, 1, EDX, 5, 101, AVX}, /* avxneconvert */
    {7, 1, EDX, 8, 106, AMX}, /* amx-complex */
    {7, 1, EDX, 10, 107, AVX}, /* avxvnniint16 */
    {7, 1, EDX, 14, 104, ANY}, /* prefetchi */
    {7, 1, EDX, 15, 112, ANY}, /* usermsr */
    {7, 1, EDX, 21, 111, ANY}, /* apxf */
    {0xd, 1, EAX, 0, 83, ANY}, /* xsaveopt */
    {0xd, 1, EAX, 1, 82, ANY}, /* xsavec */
    {0xd, 1, EAX, 3, 84, ANY}, /* xsaves */
    {0x14, 0, EBX, 4, 67, ANY}, /* ptwrite */
    {0x19, 0, EBX, 0, 91, ANY}, /* aeskle */
    {0x19, 0, EBX, 2, 92, ANY}, /* widekl */
    {0x80000001, 0, ECX, 0, 54, ANY}, /* lahf_lm */
    {0x80000001, 0, ECX, 5, 41, ANY}, /* abm */
    {0x80000001, 0, ECX, 5, 57, ANY}, /* lzcnt */
    {0x80000001, 0, ECX, 6, 11, ANY}, /* sse4a */
    {0x80000001, 0, ECX, 8, 66, ANY}, /* prfchw */
    {0x80000001, 0, ECX, 11, 13, AVX}, /* xop */
    {0x80000001, 0, ECX, 15, 56, ANY}, /* lwp */
    {0x80000001, 0, ECX, 16, 12, AVX}, /* fma4 */
    {0x80000001, 0, ECX, 21, 76, ANY}, /* tbm */
    {0x80000001, 0, ECX, 29, 61, ANY}, /* mwaitx */
    {0x80000001, 0, EDX, 29, 55, ANY}, /* lm */
    {0x80000001, 0, EDX, 30, 39, ANY}, /* 3dnowp */
    {0x80000001, 0, EDX, 31, 38, ANY}, /* 3dnow */
    {0x80000008, 0, EBX, 0, 45, ANY}, /* clzero */
    {0x80000008, 0, EBX, 9, 80, ANY}, /* wbnoinvd */
};

/* x86-64 psABI, "micro-architecture levels": each needs the one before and these features. */
static const unsigned char levels[4][8] = {
    {55, 4},                       /* x86-64: lm, sse2 */
    {46, 2, 54, 8},                /* v2: cmpxchg16b, popcnt, lahf_lm, sse4.2 */
    {10, 16, 17, 49, 14, 57, 58},  /* v3: avx2, bmi, bmi2, f16c, fma, lzcnt, movbe */
    {21, 23, 22, 20},              /* v4: avx512bw, avx512cd, avx512dq, avx512vl */
};
enum { FIRST_LEVEL = 95 };

struct cpu_model {
    unsigned vendor, type, subtype, features;
};

struct cpu_model __cpu_model __attribute__((visibility("hidden")));
unsigned __cpu_features2[4] __attribute__((visibility("hidden")));

static int has(unsigned number)
{
    unsigned word = number < 32 ? __cpu_model.features : __cpu_features2[number / 32 - 1];
    return word >> number % 32 & 1;
}

static void set(unsigned number)
{
    unsigned *word = number < 32 ? &__cpu_model.features : &__cpu_features2[number / 32 - 1];
    *word |= 1u << number % 32;
}

/* Which of ANY, AVX, AVX512, AMX may be used: a bit each, from XCR0. */
static unsigned saved_state(void)
{
    unsigned a, b, c, d, low = 0, high;
    if (__get_cpuid(1, &a, &b, &c, &d) && c & bit_OSXSAVE)
        __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    unsigned state = 1 << ANY;
    if ((low & 0x6) == 0x6)
        state |= 1 << AVX;
    if ((low & 0xe6) == 0xe6)
        state |= 1 << AVX512;
    if ((low & 0x60000) == 0x60000)
        state |= 1 << AMX;
    return state;
}

static void find_features(void)
{
    unsigned state = saved_state();
    for (unsigned i = 0; i < sizeof features / sizeof *features; i++) {
        const struct feature *f = &features[i];
        unsigned r[4];
        if (!__get_cpuid_count(f->leaf, f->subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]))
            continue;
        if (r[f->reg] >> f->bit & 1 && state >> f->state & 1)
            set(f->number);
    }
    for (unsigned level = 0; level < 4; level++) {
        for (unsigned i = 0; i < sizeof *levels && levels[level][i]; i++)
            if (!has(levels[level][i]))
                return;
        set(FIRST_LEVEL + level);
    }
}

static unsigned find_vendor(void)
{
    unsigned highest, b = 0, c, d;
    __get_cpuid(0, &highest, &b, &c, &d);
    return b == signature_INTEL_ebx ? 1 : b == signature_AMD_ebx ? 2 : 3;
}

/* Names of processors (__builtin_cpu_is) come from the installed libgcc_s, which knows more of them every year. Where
 * it is not loaded they stay unknown, and a dispatcher takes its default. */
static void find_model(void)
{
    void *library = dlopen("libgcc_s.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (!library)
        return;
    int (*initialize)(void) = (int (*)(void))dlvsym(library, "__cpu_indicator_init", "GCC_4.8.0");
    struct cpu_model *known = dlvsym(library, "__cpu_model", "GCC_4.8.0");
    if (initialize && known) {
        initialize();
        __cpu_model.type = known->type;
        __cpu_model.subtype = known->subtype;
    }
    dlclose(library);
}

int __cpu_indicator_init(void) __attribute__((visibility("hidden"), constructor(101)));

/* Called by IFUNC resolvers, which run before constructors, and by __builtin_cpu_init; 0 for success. */
int __cpu_indicator_init(void)
{
    if (__cpu_model.vendor)
        return 0;
    find_features();
    find_model();
    __atomic_store_n(&__cpu_model.vendor, find_vendor(), __ATOMIC_RELEASE);
    return 0;
}
