// Compiler builtins that live in libgcc: 128-bit integers, popcount, overflow, soft floats, complex, _Float16.
//#compilers: gcc clang
//#flags: -O0 | -O2
//#cflags: -Wno-overflow
//#link: -lm
#include <complex.h>
#include <stdio.h>

typedef unsigned __int128 u128;
typedef __int128 i128;

static void show(const char *what, u128 v)
{
    printf("%s %016llx%016llx\n", what, (unsigned long long)(v >> 64), (unsigned long long)v);
}

int main(void)
{
    volatile u128 a = ((u128)0x123456789abcdef0 << 64) | 0xfedcba9876543210, b = 1000000007;
    volatile i128 c = -(i128)a, d = -12345;
    show("div", a / b);
    show("mod", a % b);
    show("sdiv", c / d);
    show("smod", c % d);
    show("mul", a * b);
    show("shift", a << 37 | a >> 91);
    volatile double f = -1.5e30;
    show("from double", (i128)f);
    printf("to double %a %a\n", (double)a, (float)c * 1.0);
    volatile unsigned long long bits = 0xf0f1f2f3;
    printf("bits %d %d %d %d\n", __builtin_popcountll(bits), __builtin_parityll(bits), __builtin_clzll(bits),
           __builtin_ctzll(bits));
    volatile long x = 0x7fffffffffffffff;
    long r;
    printf("overflow %d", __builtin_mul_overflow(x, 3L, &r));
    i128 wide;
    printf(" %d\n", __builtin_mul_overflow(c, (i128)x, &wide));
    volatile long double ld = 1.0L / 3;
    printf("long double %La %.18Lg %lld\n", ld * 3, ld, (long long)(ld * 1e10L));
    volatile double complex z = 3 + 4 * I, y = 1 - 2 * I;
    double complex q = z / y, p = z * y;
    printf("complex %g%+gi %g%+gi |z| %g\n", creal(p), cimag(p), creal(q), cimag(q), cabs(z));
    volatile float complex zf = 1 + 1 * I;
    zf = zf * zf / (2 + 1 * I);
    printf("complex float %g%+gi\n", crealf(zf), cimagf(zf));
    volatile _Float16 h = 1.5f;
    h = h * h + (_Float16)0.001;
    printf("half %.9g\n", (double)h);
    volatile float small = 1e-7f;
    printf("half from float %.9g from double %.9g\n", (double)(_Float16)small, (double)(_Float16)(double)small);
    printf("powi %g\n", __builtin_powi(f / 1e30, 5));
    return 0;
}
