#include <stdio.h>

static int zeros[100000], numbers[] = {5, 4, 3, 2, 1};
static const char *const names[] = {"zero", "one", "two"};
const double table[4][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}};
static int *into[] = {&numbers[1], &zeros[99999], 0};
int common_one, common_two;
static int (*functions[])(const char *, ...) = {printf};
static char aligned[100] __attribute__((aligned(64)));

static int count(void) { static int calls = 10; return ++calls; }

int main(void) {
    *into[1] = *into[0];
    common_one = count() + count();
    functions[0]("%d %d %s %g %d %d %d\n", zeros[99999], common_one, names[2], table[2][1], (int)((unsigned long long)aligned & 63),
                 into[2] == 0, common_two);
    switch (common_one) {
    case 20: puts("20"); break;
    case 21: puts("21"); break;
    case 22: puts("22"); break;
    case 23: puts("23"); break;
    case 24: puts("24"); break;
    }
    return (int)(sizeof zeros / sizeof *numbers % 256);
}
