#include <stdio.h>
#include <wchar.h>
#include <stdlib.h>
int main(void) {
    wchar_t text[40]; char narrow[40];
    swprintf(text, 40, L"%ls %d %c", L"wide \x00e4", 12, L'x');
    wprintf(L"%d %ls\n", (int)wcslen(text), wcschr(text, L'1'));
    printf("%d %ld\n", (int)sizeof(wchar_t), wcstol(L"77", 0, 8));
    return (int)wcstombs(narrow, L"abc", 40);
}
