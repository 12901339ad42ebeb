// Quad precision: libgcc's soft float and libquadmath.
//#arch: x86_64
//#compilers: gcc
//#flags: -O0 | -O2
//#link: -lquadmath -lm
#include <quadmath.h>
#include <stdio.h>

int main(void)
{
    char text[128];
    volatile __float128 x = 2, y = 3;
    quadmath_snprintf(text, sizeof text, "%.30Qg", sqrtq(x) / y);
    puts(text);
    quadmath_snprintf(text, sizeof text, "%.33Qe", sinq(x) * expq(y) - (__float128)1.5L);
    puts(text);
    printf("%d %d %d %lld %.17g %.6Lg\n", x < y, x == y, x >= y, (long long)(x * 1e15Q), (double)(x / y),
           (long double)(y / 7));
    volatile __int128 wide = (__int128)1 << 100;
    printf("%.17g\n", (double)((__float128)wide / 3));
    return 0;
}
