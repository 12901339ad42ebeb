// __start_X and __stop_X around what objects and archive members have, in the order of the line.
//#compilers: gcc clang
//#flags: -O1 | -O1 -fPIC | -O1 -fno-pie | -O2 -fdata-sections
//#step: ar rcs libframework.a {build}/framework.o
//#step: ar rcs libplugins.a {build}/unused.o {build}/second.o {build}/first.o
//#objects: main.o libplugins.a more.o libframework.a
#include "entry.h"

REGISTER(main)
extern int first_present;
int total(void);
extern const struct entry __start_registry[] __attribute__((weak)), __stop_registry[] __attribute__((weak));
extern const int __start_only_in_archive[], __stop_only_in_archive[];

int main(void)
{
    int count = total();
    printf("%d %d\n", first_present, count == __stop_registry - __start_registry);
    for (const int *at = __start_only_in_archive; at != __stop_only_in_archive; at++)
        printf("%d\n", *at);
    return 0;
}
