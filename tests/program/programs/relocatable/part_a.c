#include <stdio.h>

int started = 1;
static int own[8] = {1, 2, 3, 4, 5, 6, 7, 8};
static const char *const names[] = {"a one", "a two", "common tail"};
static __thread int local = 100;
int part_b(int);

__attribute__((constructor)) static void start(void) { started *= 3; }

static int helper(int n) { return own[n & 7] + local++; }

int part_a(int n)
{
    printf("%s %s\n", names[n], names[2]);
    return n > 5 ? part_b(n) : helper(n) + helper(n + 2);
}
