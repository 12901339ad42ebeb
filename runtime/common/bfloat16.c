/* Conversions to and from bfloat16, the upper half of a float. One rounding, to nearest even. */

typedef unsigned int u32;

#define WEAK __attribute__((weak))

static u32 bits_of(float value)
{
    u32 bits;
    __builtin_memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(u32 bits)
{
    float value;
    __builtin_memcpy(&value, &bits, sizeof value);
    return value;
}

static __bf16 upper_half(u32 bits)
{
    unsigned short half;
    if ((bits & 0x7fffffff) > 0x7f800000)
        half = (unsigned short)(bits >> 16 | 0x40); /* a quiet NaN, its sign and upper payload kept */
    else
        half = (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    __bf16 value;
    __builtin_memcpy(&value, &half, sizeof value);
    return value;
}

/* A wider number as a float whose last bit says that something was cut off: rounding that again is exact, since a
 * float has more than two bits beyond a bfloat16 and the same exponents. */
#define ROUND_TO_ODD(name, type)                                                                                       \
    static u32 name(type value)                                                                                        \
    {                                                                                                                  \
        float near = (float)value;                                                                                     \
        u32 bits = bits_of(near);                                                                                      \
        if ((type)near == value || value != value)                                                                     \
            return bits;                                                                                               \
        type size = value < 0 ? -value : value;                                                                        \
        if ((type)float_of(bits & 0x7fffffff) > size)                                                                  \
            bits--; /* the neighbour towards zero */                                                                   \
        return bits | 1;                                                                                               \
    }

ROUND_TO_ODD(odd_from_double, double)
#if defined __x86_64__
ROUND_TO_ODD(odd_from_extended, long double)
typedef __float128 quad;
#else
typedef long double quad;
#endif
ROUND_TO_ODD(odd_from_quad, quad)

WEAK __bf16 __truncsfbf2(float value)
{
    return upper_half(bits_of(value));
}

WEAK __bf16 __truncdfbf2(double value)
{
    return upper_half(odd_from_double(value));
}

#if defined __x86_64__
WEAK __bf16 __truncxfbf2(long double value)
{
    return upper_half(odd_from_extended(value));
}
#endif

WEAK __bf16 __trunctfbf2(quad value)
{
    return upper_half(odd_from_quad(value));
}

WEAK float __extendbfsf2(__bf16 value)
{
    unsigned short half;
    __builtin_memcpy(&half, &value, sizeof half);
    return float_of((u32)half << 16);
}
