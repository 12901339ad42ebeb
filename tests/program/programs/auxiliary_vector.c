//#flags: -O1
//#args: one two
// What the kernel lays out: argc, argv, the environment and the auxiliary vector follow each other, as do the strings.
#define _GNU_SOURCE
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(int argc, char **argv, char **envp)
{
    printf("%d %d %d\n", ((int *)(argv - 1))[0] == argc, argv + argc + 1 == envp, envp == environ);
    char *end = argv[0];
    for (int i = 0; i < argc; end = argv[i] + strlen(argv[i]) + 1, i++)
        printf("%s %d\n", i ? argv[i] : "name", end == argv[i]);
    char **last = envp;
    int joined = 1;
    for (; *last; end = *last + strlen(*last) + 1, last++)
        joined &= end == *last;
    printf("environment %d\n", joined);
    for (Elf64_auxv_t *entry = (Elf64_auxv_t *)(last + 1); entry->a_type != AT_NULL; entry++) {
        if (entry->a_type == AT_PAGESZ || entry->a_type == AT_CLKTCK)
            printf("%ld is %ld\n", (long)entry->a_type, (long)entry->a_un.a_val);
        if (entry->a_type == AT_RANDOM)
            printf("random %d\n", entry->a_un.a_val == getauxval(AT_RANDOM));
    }
    return 0;
}
