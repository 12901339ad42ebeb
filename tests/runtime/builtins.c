/* Compiler builtins on values that defeat constant folding; the output is compared with libgcc's. */
#include <stdio.h>
#include <stdint.h>

typedef __int128 ti;
typedef unsigned __int128 uti;
typedef __float128 tf;
typedef _Complex double dc;

static void show(const char *name, uti v)
{
    printf("%s %016llx%016llx\n", name, (unsigned long long)(v >> 64), (unsigned long long)v);
}

#define BITS(name, type, expression)                                                                                   \
    do {                                                                                                               \
        union {                                                                                                        \
            type value;                                                                                                \
            uti bits;                                                                                                  \
        } u = {.bits = 0};                                                                                             \
        u.value = (expression);                                                                                        \
        show(name, u.bits);                                                                                            \
    } while (0)

extern int __popcountdi2(long), __popcountti2(ti), __clrsbdi2(long), __clrsbti2(ti), __ffsti2(ti), __parityti2(ti);
extern int __clzti2(ti), __ctzti2(ti);
extern ti __addvti3(ti, ti), __subvti3(ti, ti), __mulvti3(ti, ti);
extern long __mulvdi3(long, long), __absvdi2(long);
extern ti __udivmodti4(uti, uti, uti *);
extern tf __powitf2(tf, int);
extern long double __powixf2(long double, int);
extern double __powidf2(double, int);

static const uint64_t words[] = {0, 1, 2, 3, 10, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
                                 0x123456789abcdef0, 0xfedcba9876543210, 1000000007};
enum { COUNT = sizeof words / sizeof *words };

static void integers(volatile uti a, volatile uti b)
{
    show("*", a * b);
    show("<<", a << ((unsigned)b & 127));
    show(">>", a >> ((unsigned)b & 127));
    show("s>>", (uti)((ti)a >> ((unsigned)b & 127)));
    if (b) {
        uti rest;
        show("/", a / b);
        show("%", a % b);
        show("divmod", (uti)__udivmodti4(a, b, &rest));
        show("rest", rest);
        if ((ti)b != -1) {
            show("s/", (uti)((ti)a / (ti)b));
            show("s%", (uti)((ti)a % (ti)b));
        }
    }
    show("popcount", (uti)(__popcountti2((ti)a) * 1000 + __popcountdi2((long)b)));
    show("clrsb", (uti)(__clrsbti2((ti)a) * 1000 + __clrsbdi2((long)b)));
    show("ffs", (uti)(__ffsti2((ti)a) * 1000 + __parityti2((ti)a)));
    if (a)
        show("clz", (uti)(__clzti2((ti)a) * 1000 + __ctzti2((ti)a)));
    ti half = (ti)a >> 65, other = (ti)b >> 65;
    show("+v", (uti)__addvti3(half, other));
    show("-v", (uti)__subvti3(half, other));
    show("*v", (uti)__mulvti3(half >> 32, other >> 32));
    show("*vd", (uti)(ti)__mulvdi3((int)a, (int)b));
    ti product;
    int over = __builtin_mul_overflow((ti)a, (ti)b, &product);
    show(over ? "overflow" : "fits", (uti)product);
}

static void floats(volatile ti a, volatile ti b)
{
    BITS("float", float, (float)a);
    BITS("double", double, (double)a);
    BITS("unsigned double", double, (double)(uti)a);
    BITS("half", _Float16, (_Float16)(double)(a >> 112));
    volatile tf q = (tf)a / 3, r = (tf)b + 1;
    BITS("quad +", tf, q + r);
    BITS("quad -", tf, q - r);
    BITS("quad *", tf, q * r);
    BITS("quad /", tf, q / (r - 3));
    BITS("quad to double", double, (double)q);
    BITS("quad to float", float, (float)q);
    BITS("quad to int", ti, (ti)(q / 4));
    BITS("quad to unsigned", unsigned long, (unsigned long)(r < 0 ? 0 : (double)r < 1e18 ? r : 5));
    BITS("quad powi", tf, __powitf2(q / ((tf)a + 1), 7));
    BITS("double powi", double, __powidf2((double)(long)b / 1e19, -3));
    show("compare", (uti)((q < r) + 2 * (q <= r) + 4 * (q == r) + 8 * (q != r) + 16 * (q > r)));
    volatile double d = (double)a, e = (double)b;
    BITS("to int128", ti, (ti)(d / 4));
    BITS("to uint128", uti, (uti)(d < 0 ? 1 : d));
    volatile dc c = (dc){0} + d / 1e19 + (e / 1e19) * 1.0i, f = c + 1.0 + 2.0i;
    dc product = c * f, quotient = c / f;
    BITS("complex * re", float, (float)__real__ product);
    BITS("complex * im", float, (float)__imag__ product);
    BITS("complex / re", float, (float)__real__ quotient);
    BITS("complex / im", float, (float)__imag__ quotient);
    volatile _Float16 h = (_Float16)(d / 1e38);
    BITS("from half", double, (double)h);
    BITS("half to quad", tf, (tf)h);
    BITS("half to int", ti, (ti)(h * 1000));
}

int main(void)
{
    for (int i = 0; i < COUNT; i++)
        for (int j = 0; j < COUNT; j++) {
            uti a = (uti)words[i] << 64 | words[j], b = (uti)words[j] << 64 | words[(i + j) % COUNT];
            integers(a, b);
            integers(a, b >> 64);
            floats((ti)a, (ti)b);
        }
    return 0;
}
