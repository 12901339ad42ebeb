// Every kind of reference between two objects and the C library, for every code model.
//#compilers: gcc clang
//#flags: @models
//#flags[clang]: -fPIE | -fPIC | -fno-pie | -mcmodel=medium | -mcmodel=large | -fPIC -mcmodel=large | -O2 -fPIC | -O2 -fno-plt | -O1 -fPIC -Wa,-mrelax-relocations=no
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>

static int own = 3;
static char big[100000];
static char big_initialised[100000] = {[99999] = 9};
static int local(int x) { return x * own; }
int (*in_data)(int) = local;
const struct entry entries[] = {{"imported", imported, &imported_data, 1}, {"local", local, &own, 2},
                                {"library", abs, &own, 3}};
int *middle = imported_array + 5;
static int *const static_middle = &imported_array[2];

int main(void)
{
    int (*volatile pointer)(int) = imported;
    own += imported_data;
    big[99999] = 1;
    big_there[199999] = 2;
    printf("%d %d %d %d\n", local(2), imported(3), pointer(4), in_data(5));
    for (int i = 0; i < 3; i++)
        printf("%s %d %d %d\n", entries[i].name, entries[i].call(-7), *entries[i].data, entries[i].n);
    printf("%d %d %d %d %d\n", *middle, *static_middle, big[99999], big_initialised[99999], check_big());
    printf("same: %d %d\n", same_function(imported), same_library(abs));
    printf("%d %s\n", imported_array[7], text_there + 3);
    return 0;
}
