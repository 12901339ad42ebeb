// Mergeable strings and constants: references into the middle, shared tails, wide strings, addends on the section.
//#compilers: gcc clang
//#flags: -O2 | -O2 -fPIC | -O2 -fno-pie | -O1 -mcmodel=large
#include <stdio.h>
#include <wchar.h>

extern const char *there(int);
extern double scale(double);
static const char *const table[] = {"shared tail", "tail", "" , "shared tail" + 7, "other"};
static const char *volatile middle = "abcdefghij" + 4;
static const wchar_t *volatile wide = L"wide characters" + 5;

int main(void)
{
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++)
        printf("<%s> <%s>\n", table[i], there((int)i));
    int last = printf("%s %ls\n", middle, wide);
    const char *end = "end of it all" + (last > 3 ? 4 : 0);
    printf("%s %.17g %.17g\n", end, scale(2), 1.1 * last);
    printf("%s\n", &"padding and text"[last % 3 + 9]);
    return 0;
}
