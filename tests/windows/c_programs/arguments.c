#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        printf("%d [%s] %d\n", i, argv[i], (int)strlen(argv[i]));
    printf("%d %d\n", argc, argv[argc] == 0);
    return argc;
}
