// A program starts in the "C" locale, whatever Python has set, and can change it.
//#env: LC_ALL=C.UTF-8
#include <ctype.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

int main(void)
{
    printf("start %s %s\n", setlocale(LC_ALL, NULL), nl_langinfo(CODESET));
    wchar_t wide;
    mbstate_t state = {0};
    printf("in C: %d\n", (int)mbrtowc(&wide, "\xc3\xa9", 2, &state) == 2);
    printf("set %s\n", setlocale(LC_ALL, ""));
    printf("codeset %s, max %d\n", nl_langinfo(CODESET), (int)MB_CUR_MAX);
    state = (mbstate_t){0};
    int length = (int)mbrtowc(&wide, "\xc3\xa9", 2, &state);
    printf("in UTF-8: %d %x\n", length, (unsigned)wide);
    printf("%ls|%5.2f|%d\n", L"\x20ac\x4e2d", 2.5, isalpha('x') != 0);
    return 0;
}
