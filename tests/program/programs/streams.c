// The addresses of stdin, stdout, stderr in code and in data; redirection with setvbuf and freopen.
//#compilers: gcc clang
//#flags: @models
//#stdin: 12 34\n
#include <stdio.h>

FILE **table[] = {&stdin, &stdout, &stderr};

static void say(FILE **to, const char *text) { fprintf(*to, "%s\n", text); }

int main(void)
{
    int a, b;
    printf("same objects: %d %d %d\n", *table[0] == stdin, *table[1] == stdout, *table[2] == stderr);
    if (fscanf(*table[0], "%d %d", &a, &b) == 2)
        printf("sum %d\n", a + b);
    say(table[1], "through the table");
    say(table[2], "errors through the table");
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("unbuffered\n");
    return 0;
}
