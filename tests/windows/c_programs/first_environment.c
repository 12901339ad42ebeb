/* What main gets of the environment stays as it was: msvcrt keeps it beside the one that putenv changes. */
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv, char **envp) {
    char *first = envp[0], text[32];
    int before = 0, after = 0;
    while (envp[before]) before++;
    for (int i = 0; i < 500; i++) {
        sprintf(text, "URUK_%d=%d", i, i);
        putenv(text);
    }
    while (envp[after]) after++;
    printf("%d %d %d\n", before == after, envp[0] == first, envp == environ);
    return 0;
}
