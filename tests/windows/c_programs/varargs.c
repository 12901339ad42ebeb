#include <stdarg.h>
#include <stdio.h>

struct pair { long long a, b; };

static double sum(const char *kinds, ...) {
    double total = 0;
    va_list list, copy;
    va_start(list, kinds);
    va_copy(copy, list);
    for (; *kinds; kinds++)
        switch (*kinds) {
        case 'i': total += va_arg(list, int); break;
        case 'l': total += (double)va_arg(list, long long); break;
        case 'd': total += va_arg(list, double); break;
        case 'p': { struct pair pair = va_arg(list, struct pair); total += (double)(pair.a * pair.b); break; }
        }
    total += va_arg(copy, int);
    va_end(copy);
    va_end(list);
    return total;
}

static int say(const char *format, ...) {
    va_list list;
    va_start(list, format);
    int count = vprintf(format, list);
    va_end(list);
    return count;
}

int main(void) {
    struct pair pair = {3, 5};
    printf("%.2f\n", sum("ildip", 1, 2LL, 2.5, 4, pair));
    printf("%d\n", say("%d %s %.1f %lld %c|", 1, "two", 3.0, 4LL, '5'));
    return 0;
}
