// Code compiled with -fno-pie needs a copy of the library's `optind`: refused, with the cure named.
//#arch: x86_64
//#compilers: gcc
//#flags: -O1 -fno-pie
//#error: optind
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    while (getopt(argc, argv, "a") != -1) {}
    printf("%d\n", optind);
    return 0;
}
