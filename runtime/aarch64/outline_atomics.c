/* AArch64: the functions that compilers call for atomics (-moutline-atomics, the default of gcc and clang).
 *
 * libgcc's choose between the LSE instructions of Armv8.1 and a loop of exclusive loads and stores; so do these, by
 * `__aarch64_have_lse_atomics`, which is set before anything else of the runtime runs. Both ways exclude each other and
 * all other copies of such functions. (GCC, libgcc/config/aarch64/lse.S) */

#include <stdint.h>
#include <sys/auxv.h>

typedef unsigned char u1;
typedef unsigned short u2;
typedef unsigned u4;
typedef uint64_t u8;
typedef unsigned __int128 u16;

#define WEAK __attribute__((weak, visibility("default")))
#define LSE __attribute__((target("lse")))

enum { HAS_ATOMICS = 1 << 8 }; /* HWCAP_ATOMICS */

WEAK u1 __aarch64_have_lse_atomics;

__attribute__((constructor)) static void find_atomics(void)
{
    __aarch64_have_lse_atomics = (getauxval(AT_HWCAP) & HAS_ATOMICS) != 0;
}

#define BARRIER_relax
#define BARRIER_acq
#define BARRIER_rel
#define BARRIER_acq_rel
#define BARRIER_sync __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define ORDER_relax __ATOMIC_RELAXED
#define ORDER_acq __ATOMIC_ACQUIRE
#define ORDER_rel __ATOMIC_RELEASE
#define ORDER_acq_rel __ATOMIC_ACQ_REL
#define ORDER_sync __ATOMIC_SEQ_CST
#define FAILED_relax __ATOMIC_RELAXED
#define FAILED_acq __ATOMIC_ACQUIRE
#define FAILED_rel __ATOMIC_RELAXED
#define FAILED_acq_rel __ATOMIC_ACQUIRE
#define FAILED_sync __ATOMIC_SEQ_CST

#define FETCH(name, size, order, operation, operand)                                                                   \
    static LSE u##size name##size##_##order##_lse(u##size value, u##size *place)                                       \
    {                                                                                                                  \
        return operation(place, operand value, ORDER_##order);                                                         \
    }                                                                                                                  \
    WEAK u##size __aarch64_##name##size##_##order(u##size value, u##size *place)                                       \
    {                                                                                                                  \
        u##size old = __aarch64_have_lse_atomics ? name##size##_##order##_lse(value, place)                            \
                                                 : operation(place, operand value, ORDER_##order);                     \
        BARRIER_##order;                                                                                               \
        return old;                                                                                                    \
    }

#define CAS(size, order)                                                                                               \
    static LSE u##size cas##size##_##order##_lse(u##size old, u##size new, u##size *place)                             \
    {                                                                                                                  \
        __atomic_compare_exchange_n(place, &old, new, 0, ORDER_##order, FAILED_##order);                               \
        return old;                                                                                                    \
    }                                                                                                                  \
    WEAK u##size __aarch64_cas##size##_##order(u##size old, u##size new, u##size *place)                               \
    {                                                                                                                  \
        if (__aarch64_have_lse_atomics)                                                                                \
            old = cas##size##_##order##_lse(old, new, place);                                                          \
        else                                                                                                           \
            __atomic_compare_exchange_n(place, &old, new, 0, ORDER_##order, FAILED_##order);                           \
        BARRIER_##order;                                                                                               \
        return old;                                                                                                    \
    }

#define FETCHES(size, order)                                                                                           \
    FETCH(swp, size, order, __atomic_exchange_n, )                                                                     \
    FETCH(ldadd, size, order, __atomic_fetch_add, )                                                                    \
    FETCH(ldclr, size, order, __atomic_fetch_and, ~)                                                                   \
    FETCH(ldset, size, order, __atomic_fetch_or, )                                                                     \
    FETCH(ldeor, size, order, __atomic_fetch_xor, )

#define ALL(order)                                                                                                     \
    FETCHES(1, order) FETCHES(2, order) FETCHES(4, order) FETCHES(8, order)                                            \
    CAS(1, order) CAS(2, order) CAS(4, order) CAS(8, order) CAS(16, order)

ALL(relax)
ALL(acq)
ALL(rel)
ALL(acq_rel)
ALL(sync)
