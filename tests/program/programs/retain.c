// A section kept by SHF_GNU_RETAIN and one by its encapsulation symbols, with every function in its own section.
//#compilers: gcc clang
//#flags: -O1 -ffunction-sections -fdata-sections
//#native: -Wl,--gc-sections
#include <stdio.h>

__attribute__((section("kept"), retain, used)) static const char *const text[] = {"one", "two"};
extern const char *const __start_kept[], *const __stop_kept[];
__attribute__((constructor)) static void start(void) { puts("constructor kept"); }
void nobody_calls(void) { puts("dropped or not"); }

int main(void)
{
    for (const char *const *p = __start_kept; p < __stop_kept; p++)
        puts(*p);
    printf("%d\n", text == __start_kept);
    return 0;
}
