/* What the C runtime and the system know of the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

int main(int argc, char **argv) {
    const char *line = strstr(GetCommandLineA(), " two words") ? "quoted" : "other";
    printf("%d %d %s %d\n", __argc == argc, strcmp(__argv[1], argv[1]), line, _environ != 0);
    printf("%s\n", strstr(GetCommandLineA(), argv[1]));
    printf("%ls\n", wcsstr(GetCommandLineW(), L"file.txt"));
    return 0;
}
