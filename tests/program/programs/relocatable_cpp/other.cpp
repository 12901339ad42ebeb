#include "templates.h"

#include <cstdio>

static Counter counter("other");

Counter::Counter(const char *n) : name(n) { std::printf("+ %s\n", name); }
Counter::~Counter() { std::printf("- %s\n", name); }
int other(int x) { return twice(x) + 1; }
int *other_unique() { return &unique<int>(); }

void thrower(int n)
{
    Counter here("thrower");
    if (n == 0)
        throw Failure(77);
    thrower(n - 1);
}
