// Arguments, environment and standard input reach the program; `environ` and `getenv` agree.
//#compilers: gcc clang
//#args: one "two words" "" --flag=x -- "caf\xc3\xa9"
//#env: URUK_TEST_A=alpha URUK_TEST_B=beta
//#stdin: line 1\nline 2\nlast without newline
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv, char **envp)
{
    printf("argc %d, argv ends with null: %d\n", argc, argv[argc] == NULL);
    for (int i = 1; i < argc; i++)
        printf("argv[%d] = <%s>\n", i, argv[i]);
    printf("argv[0] is set: %d\n", argv[0] != NULL && argv[0][0] != 0);
    int count = 0;
    while (environ[count])
        count++;
    qsort(environ, count, sizeof *environ, by_text);
    for (int i = 0; i < count; i++)
        if (!strncmp(environ[i], "URUK_TEST_", 10))
            printf("%s\n", environ[i]);
    printf("envp is environ: %d, getenv: %s, none: %d\n", envp == environ, getenv("URUK_TEST_B"),
           getenv("URUK_TEST_C") == NULL);
    char line[100];
    while (fgets(line, sizeof line, stdin))
        printf("read %zu: %s\n", strlen(line), line);
    printf("eof %d\n", feof(stdin) != 0);
    setenv("URUK_TEST_C", "gamma", 1);
    printf("set: %s\n", getenv("URUK_TEST_C"));
    return 0;
}
