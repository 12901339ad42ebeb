// A library of the line that replaces malloc: the C library's own functions call it as well, and what they have taken is
// freed by the program. It is in the process from its start.
//#compilers: gcc
//#arch: x86_64
//#flags: -O1
//#step: {cc} -O1 -fno-builtin -shared -fPIC -o libown.so -x c {dir}/own.txt
//#places: child wire
//#link: -L{build} -Wl,--no-as-needed -lm -lown
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int of_own(const void *block);

int main(void)
{
    char *copy = strdup("taken by the C library"), *printed = NULL;
    int size = asprintf(&printed, "%s", copy);
    printf("%d %d %d %s\n", of_own(copy), of_own(printed), size, getenv("LD_PRELOAD") ? "told" : "untold");
    free(copy);
    free(printed);
    return 0;
}
