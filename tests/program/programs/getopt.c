// Data of the C library reached by 32-bit references: optind, optarg, stdout, with default code.
//#compilers: gcc clang
//#flags: -fPIE | -fPIC | -mcmodel=large
//#args: -a -b value --long=7 rest1 -c rest2
#include <getopt.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    int flag = 0, option;
    const struct option options[] = {{"long", required_argument, NULL, 'l'}, {"set", no_argument, &flag, 9}, {0}};
    FILE *const streams[] = {stdout};
    while ((option = getopt_long(argc, argv, "ab:c", options, NULL)) != -1)
        fprintf(streams[0], "option %c arg %s optind %d\n", option, optarg ? optarg : "-", optind);
    for (int i = optind; i < argc; i++)
        fprintf(stdout, "left %s\n", argv[i]);
    optind = 1;
    opterr = 0;
    printf("again %c\n", getopt(argc, argv, "a"));
    return 0;
}
