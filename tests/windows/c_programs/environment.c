#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
int main(int argc, char **argv, char **envp) {
    char text[32]; int seen = 0;
    for (char **one = envp; *one; one++) seen += !strncmp(*one, "URUK_WORD=", 10);
    putenv("URUK_OTHER=set here");
    GetEnvironmentVariableA("URUK_OTHER", text, sizeof text);
    printf("%s %s %d %d\n", getenv("URUK_WORD"), text, seen, getenv("URUK_NOTHING") == 0);
    return 0;
}
