// Code compiled with -fno-pie needs a copy of `optind`, and libraries led to it: refused in process, with the cure named.
//#arch: x86_64
//#compilers: gcc
//#flags: -O1 -fno-pie
//#error: optind
//#places: here
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    while (getopt(argc, argv, "a") != -1) {}
    printf("%d\n", optind);
    return 0;
}
