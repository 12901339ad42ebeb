#include <stdio.h>
#include <wchar.h>

int wmain(int argc, wchar_t **argv, wchar_t **environment) {
    int seen = 0;
    for (; *environment; environment++)
        seen += !wcsncmp(*environment, L"URUK_WORD=", 10);
    for (int i = 1; i < argc; i++)
        wprintf(L"<%ls>", argv[i]);
    wprintf(L" %d %d\n", argc, seen);
    return 6;
}
