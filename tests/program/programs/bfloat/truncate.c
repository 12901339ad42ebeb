/* What libgcc 12 lacks, for the native link only: round to nearest even, as compiler-rt does. The result comes back in
 * the low half of xmm0. */
#include <string.h>

__bf16 __truncsfbf2(float value);
__bf16 __truncdfbf2(double value);

__bf16 __truncsfbf2(float value)
{
    unsigned bits;
    memcpy(&bits, &value, 4);
    bits += 0x7fff + (bits >> 16 & 1);
    unsigned short high = (unsigned short)(bits >> 16);
    __bf16 result;
    memcpy(&result, &high, 2);
    return result;
}

__bf16 __truncdfbf2(double value) { return __truncsfbf2((float)value); }
