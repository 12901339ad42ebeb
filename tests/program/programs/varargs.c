// Variable arguments: integer and floating registers, the overflow area, structs, and a copied va_list.
//#compilers: gcc clang
//#flags: -O0 | -O2
#include <stdarg.h>
#include <stdio.h>

struct pair { double x; long y; };
struct big { long v[5]; };

static double sum(const char *kinds, ...)
{
    va_list ap, again;
    double total = 0;
    va_start(ap, kinds);
    va_copy(again, ap);
    for (const char *k = kinds; *k; k++) {
        if (*k == 'i') total += va_arg(ap, int);
        if (*k == 'd') total += va_arg(ap, double);
        if (*k == 'l') total += (double)va_arg(ap, long double);
        if (*k == 'p') { struct pair p = va_arg(ap, struct pair); total += p.x + p.y; }
        if (*k == 'b') { struct big b = va_arg(ap, struct big); total += b.v[0] + b.v[4]; }
    }
    printf("first again: %d\n", va_arg(again, int));
    va_end(again);
    va_end(ap);
    return total;
}

static int format(char *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsprintf(out, fmt, ap);
    va_end(ap);
    return n;
}

int main(void)
{
    printf("%g\n", sum("idlpbiiiiiiidddddddddd", 1, 2.5, 3.25L, (struct pair){4.5, 5}, (struct big){{6, 0, 0, 0, 7}},
                       1, 2, 3, 4, 5, 6, 7, .5, .5, .5, .5, .5, .5, .5, .5, .5, .5));
    char text[200];
    int n = format(text, "%5d|%-5s|%c|%#x|%.3f|%Lg|%lld|%zu|%%|%e|%a", 42, "ab", 'z', 255, 3.14159, 2.5L,
                   1LL << 40, sizeof text, 12345.678, 1.0);
    printf("%d %s\n", n, text);
    return 0;
}
