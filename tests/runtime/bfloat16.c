/* Conversions to bfloat16 against a slow reading of IEEE 754: the nearest of the two neighbours, ties to even. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

extern __bf16 __truncsfbf2(float), __truncdfbf2(double), __truncxfbf2(long double), __trunctfbf2(__float128);
extern float __extendbfsf2(__bf16);

static unsigned bits(__bf16 value)
{
    unsigned short half;
    memcpy(&half, &value, sizeof half);
    return half;
}

static double value_of(unsigned half)
{
    uint32_t word = half << 16;
    float value;
    memcpy(&value, &word, sizeof value);
    return value;
}

static unsigned nearest(double value)
{
    unsigned sign = signbit(value) ? 0x8000 : 0, low = 0;
    double size = fabs(value);
    for (unsigned step = 0x4000; step; step >>= 1)
        if (low + step <= 0x7f80 && value_of(low + step) <= size)
            low += step;
    if (low == 0x7f80)
        return sign | low;
    double above = low == 0x7f7f ? ldexp(1, 128) : value_of(low + 1), down = size - value_of(low), up = above - size;
    return sign | (down < up || (down == up && low % 2 == 0) ? low : low + 1);
}

int main(void)
{
    uint64_t state = 88172645463325252u;
    long wrong = 0;
    for (int i = 0; i < 200000; i++) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        /* near a bfloat16 or half-way between two, off by a little or by nothing */
        double base = value_of((unsigned)(state & 0xff7f)), next = value_of((unsigned)(state & 0xff7f) + 1);
        double middle = isfinite(next) ? base + (next - base) / 2 : base;
        double value = i % 3 == 0 ? middle : i % 3 == 1 ? nextafter(middle, i % 2 ? 1e300 : -1e300) : base + (next - base) * 0.3;
        if (!isfinite(value))
            continue;
        unsigned expected = nearest(value);
        wrong += bits(__truncdfbf2(value)) != expected;
        wrong += bits(__truncxfbf2(value)) != expected;
        wrong += bits(__trunctfbf2(value)) != expected;
        wrong += bits(__truncsfbf2((float)value)) != nearest((float)value);
        wrong += __extendbfsf2(__truncsfbf2((float)value)) != (float)value_of(nearest((float)value));
    }
    printf("%ld wrong\n", wrong);
    printf("%x %x %x %x\n", bits(__truncdfbf2(INFINITY)), bits(__truncdfbf2(-1e300)), bits(__truncsfbf2(NAN)) & 0x7fff,
           bits(__truncdfbf2(NAN)) & 0x7fff);
    return 0;
}
