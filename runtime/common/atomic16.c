/* 16-byte atomics as libatomic does them on processors with cmpxchg16b (all since 2006): no lock, so that any number
 * of copies of this code work together, libatomic's included. */

typedef unsigned __int128 u128;

#define WEAK __attribute__((weak))
#if defined __x86_64__
#define CX16 __attribute__((target("cx16")))
#else
#define CX16 /* a loop of ldaxp and stlxp */
#endif

CX16 static inline u128 swap_if(u128 *place, u128 old, u128 new)
{
    return __sync_val_compare_and_swap(place, old, new);
}

/* cmpxchg16b writes even when it only reads: a 16-byte load needs writable memory, as in libatomic before AVX. */
WEAK CX16 u128 __atomic_load_16(u128 *place, int order)
{
    (void)order;
    return swap_if(place, 0, 0);
}

WEAK CX16 u128 __atomic_exchange_16(u128 *place, u128 new, int order)
{
    (void)order;
    for (u128 old = *place;;) {
        u128 seen = swap_if(place, old, new);
        if (seen == old)
            return old;
        old = seen;
    }
}

WEAK CX16 void __atomic_store_16(u128 *place, u128 new, int order)
{
    (void)order;
    for (u128 old = *place;;) {
        u128 seen = swap_if(place, old, new);
        if (seen == old)
            return;
        old = seen;
    }
}

WEAK CX16 _Bool __atomic_compare_exchange_16(u128 *place, u128 *expected, u128 new, int success, int failure)
{
    (void)success, (void)failure;
    u128 old = *expected, seen = swap_if(place, old, new);
    if (seen == old)
        return 1;
    *expected = seen;
    return 0;
}

#define FETCH(name, expression)                                                                                        \
    WEAK CX16 u128 name(u128 *place, u128 operand, int order)                                                          \
    {                                                                                                                  \
        (void)order;                                                                                                   \
        for (u128 old = *place;;) {                                                                                    \
            u128 seen = swap_if(place, old, (expression));                                                             \
            if (seen == old)                                                                                           \
                return old;                                                                                            \
            old = seen;                                                                                                \
        }                                                                                                              \
    }

FETCH(__atomic_fetch_add_16, old + operand)
FETCH(__atomic_fetch_sub_16, old - operand)
FETCH(__atomic_fetch_and_16, old & operand)
FETCH(__atomic_fetch_or_16, old | operand)
FETCH(__atomic_fetch_xor_16, old ^ operand)
FETCH(__atomic_fetch_nand_16, ~(old & operand))
