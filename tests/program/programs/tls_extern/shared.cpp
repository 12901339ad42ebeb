#include "shared.h"

#include <cstdio>

Noisy::Noisy(const char *n) : name(n) { std::printf("  + %s\n", name); }
Noisy::~Noisy() { std::printf("  - %s after %d uses\n", name, uses); }
void Noisy::use() { uses += inline_one; }

int constant()
{
    std::puts("  constant()");
    return 21;
}

thread_local Noisy exported("exported");
thread_local int plain = 5;
