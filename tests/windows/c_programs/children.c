#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    char line[128];
    FILE *pipe = _popen("echo from a child", "r");
    if (!pipe)
        return 1;
    while (fgets(line, sizeof line, pipe))
        printf("<%.*s>", (int)strcspn(line, "\r\n"), line);
    printf("%d\n", _pclose(pipe));
    fflush(stdout);
    return system("exit 5");
}
