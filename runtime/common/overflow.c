/* Arithmetic that traps on overflow (-ftrapv) and counting of redundant sign bits, where zig's builtins lack them.
 * Names and meaning: "Routines for integer arithmetic" in the GCC internals manual. */

typedef int si __attribute__((mode(SI)));
typedef int di __attribute__((mode(DI)));
typedef int ti __attribute__((mode(TI)));
typedef unsigned int udi __attribute__((mode(DI)));

#define WEAK __attribute__((weak))
#define TRAPPING(name, type, builtin)                                                                                  \
    WEAK type name(type a, type b)                                                                                     \
    {                                                                                                                  \
        type result;                                                                                                   \
        if (builtin(a, b, &result))                                                                                    \
            __builtin_abort();                                                                                         \
        return result;                                                                                                 \
    }

TRAPPING(__addvti3, ti, __builtin_add_overflow)
TRAPPING(__subvti3, ti, __builtin_sub_overflow)
TRAPPING(__mulvdi3, di, __builtin_mul_overflow)
TRAPPING(__mulvti3, ti, __builtin_mul_overflow)

WEAK int __clrsbsi2(si a)
{
    si folded = a < 0 ? ~a : a;
    return folded ? __builtin_clz((unsigned)folded) - 1 : 31;
}

WEAK int __clrsbdi2(di a)
{
    di folded = a < 0 ? ~a : a;
    return folded ? __builtin_clzll((udi)folded) - 1 : 63;
}

WEAK int __clrsbti2(ti a)
{
    ti folded = a < 0 ? ~a : a;
    udi high = (udi)(folded >> 64), low = (udi)folded;
    if (high)
        return __builtin_clzll(high) - 1;
    return low ? 63 + __builtin_clzll(low) : 127;
}
