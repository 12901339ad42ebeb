// Functions and data of the program with the names of library ones: the program's win, by call and by address.
//#compilers: gcc clang
//#flags: -O1 | -O1 -fPIC | -O1 -fno-pie
//#cflags: -fno-builtin
#include <stdio.h>

int index(int x) { return x * 2; }
int y1(int x) { return x * 3; }
int error = 4;
int optind = 1000;
int signal(int x) { return x * 5; }
const char *strsignal(int x) { return x ? "mine" : ""; }
int read(int x) { return x * 6; }
int environ_count(void) { return 7; }
int (*table[])(int) = {index, y1, signal, read};

int main(void)
{
    for (int i = 0; i < 4; i++)
        printf("%d ", table[i](10));
    printf("%d %d %s %d\n", error, optind, strsignal(1), environ_count());
    return 0;
}
