// libm by -lm: vector of functions in static data, rounding modes, and functions that are IFUNCs in libm.
//#compilers: gcc clang
//#flags: -O0 | -O1 -fno-pie
//#link: -lm
#include <fenv.h>
#include <math.h>
#include <stdio.h>

static double (*const table[])(double) = {sin, cos, exp, log, floor, ceil, rint, tan, atan, sqrt};

int main(void)
{
    volatile double x = 0.7;
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
        printf("%.12g\n", table[i](x * (i + 1)));
    printf("%.12g %.12g %.12g\n", pow(x, 3.3), fma(x, x, x), atan2(x, 2));
    fesetround(FE_UPWARD);
    printf("up %g\n", rint(2.1 * x));
    fesetround(FE_TONEAREST);
    int exponent;
    double fraction = frexp(x * 100, &exponent);
    printf("%g %d %g\n", fraction, exponent, lgamma(5.5));
    return 0;
}
