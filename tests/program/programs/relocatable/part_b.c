#include <stdio.h>

extern int started;
static int own[8] = {10, 20, 30, 40, 50, 60, 70, 80};
static int zero[3];
static const char *const names[] = {"b one", "b two", "common tail"};
static __thread int local = 200, local_zero;
int part_a(int);

__attribute__((constructor(101))) static void start(void) { started += 10; }

static int helper(int n) { return own[n & 7] + local++ + ++zero[1] + local_zero--; }

int part_b(int n)
{
    printf("%s %s\n", names[n - 1], names[2]);
    return helper(n) + helper(1) + part_a(0);
}
