#include <stdio.h>
#include <string.h>

struct small { char a; short b; };
struct eight { int a, b; };
struct large { double values[6]; int count; };
struct floats { float x, y; };
struct bits { unsigned a : 3, b : 7; int c : 5; unsigned long long d : 40; unsigned e : 1; };
union word { unsigned number; unsigned char bytes[4]; };

static struct small next(struct small value) { value.a++; value.b = (short)-value.b; return value; }
static struct eight swap(struct eight value) { struct eight other = {value.b, value.a}; return other; }
static struct large grow(struct large value, double more) { value.values[value.count++] = more; return value; }
static struct floats scale(struct floats value, float by) { value.x *= by; value.y *= by; return value; }
static int many(struct small a, int b, struct large c, struct eight d, double e, struct floats f) {
    return a.a + b + c.count + d.b + (int)e + (int)f.y;
}

int main(void) {
    struct small small = next((struct small){'a', 7});
    struct eight eight = swap((struct eight){1, 2});
    struct large large = grow(grow((struct large){{0}, 0}, 1.5), 2.5);
    struct floats floats = scale((struct floats){1, 2}, 1.5f);
    struct bits bits = {5, 100, -9, 1ULL << 39, 1};
    union word word = {0x01020304};
    printf("%c %d %d %d %g %d %g %g\n", small.a, small.b, eight.a, eight.b, large.values[1], large.count, floats.x, floats.y);
    printf("%d\n", many(small, 2, large, eight, 3.7, floats));
    bits.b++, bits.c--, bits.d |= 5;
    printf("%u %u %d %llu %u %d\n", bits.a, bits.b, bits.c, (unsigned long long)bits.d, bits.e, (int)sizeof bits);
    printf("%d %d\n", word.bytes[0], memcmp(&eight, &(struct eight){2, 1}, sizeof eight));
    int (*call)(struct small, int, struct large, struct eight, double, struct floats) = many;
    return call(small, 1, large, eight, 1, floats) & 127;
}
