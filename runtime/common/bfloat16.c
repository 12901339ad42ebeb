/* Conversions to and from bfloat16, the upper half of a float. One rounding, to nearest even. */

typedef unsigned int u32;

/* Not all compilers that build this have __bf16. It is passed in the low half of the register that a float is passed in
 * (System V ABI, AAPCS64), whose upper bits then mean nothing: a float carries it. */
typedef float bf16;

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

static bf16 upper_half(u32 bits)
{
    unsigned short half;
    if ((bits & 0x7fffffff) > 0x7f800000)
        half = (unsigned short)(bits >> 16 | 0x40); /* a quiet NaN, its sign and upper payload kept */
    else
        half = (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    return float_of(half);
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

WEAK bf16 __truncsfbf2(float value)
{
    return upper_half(bits_of(value));
}

WEAK bf16 __truncdfbf2(double value)
{
    return upper_half(odd_from_double(value));
}

#if defined __x86_64__
WEAK bf16 __truncxfbf2(long double value)
{
    return upper_half(odd_from_extended(value));
}
#endif

WEAK bf16 __trunctfbf2(quad value)
{
    return upper_half(odd_from_quad(value));
}

WEAK float __extendbfsf2(bf16 value)
{
    return float_of(bits_of(value) << 16);
}
