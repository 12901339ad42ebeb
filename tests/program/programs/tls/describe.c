#include "tls.h"

#include <stdint.h>
#include <stdio.h>

static int global = 42;
static __thread struct { int *pointer; const char *name; } pointers = {&global, "named"};
static __thread _Alignas(64) char aligned[64] = {1, 2, 3};
static __thread _Alignas(64) char aligned_zero[100];
static __thread char one = 'x';
__thread __attribute__((visibility("hidden"))) long hidden_one = -5;
static __thread char result[120];

const char *describe(void)
{
    int *own = &shared;
    int good = (uintptr_t)aligned % 64 == 0 && (uintptr_t)aligned_zero % 64 == 0;
    aligned_zero[99]++;
    snprintf(result, sizeof result, "[%d %s %d aligned %d %d %c %ld own %d]", *pointers.pointer, pointers.name,
             aligned[2], good, aligned_zero[99], one++, hidden_one--, *own == shared);
    return result;
}
