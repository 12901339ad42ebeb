// Weak definitions, overridden or not; weak undefined at zero by every way of asking; aliases.
//#compilers: gcc clang
//#flags: @models
//#flags[clang]: -fPIE | -fPIC | -fno-pie | -mcmodel=large
#include <stdio.h>

__attribute__((weak)) int overridden(void) { return 1; }
__attribute__((weak)) int kept(void) { return 2; }
__attribute__((weak)) int weak_data = 3;
__attribute__((weak)) int kept_data = 4;
__attribute__((weak)) extern int nowhere_data;
__attribute__((weak)) int nowhere(void);
__attribute__((weak)) int elsewhere(void);
int (*pointers[])(void) = {nowhere, elsewhere, overridden, kept};

static int real(void) { return 50; }
int alias(void) __attribute__((alias("real")));
int weak_alias(void) __attribute__((weak, alias("real")));
static int local_alias(void) __attribute__((alias("real")));
int original[4] = {1, 2, 3, 4};
extern int data_alias[4] __attribute__((alias("original")));
int sum_elsewhere(void);

int main(void)
{
    printf("%d %d %d %d\n", overridden(), kept(), weak_data, kept_data);
    printf("nowhere %d %d %d\n", nowhere == NULL, &nowhere_data == NULL, pointers[0] == NULL);
    if (nowhere)
        printf("%d\n", nowhere());
    printf("elsewhere %d %d %d\n", elsewhere ? elsewhere() : -1, pointers[1] == elsewhere, pointers[2]());
    printf("aliases %d %d %d %d\n", alias(), weak_alias(), local_alias(), alias == pointers[3]);
    data_alias[2] = 30;
    printf("data alias %d sum %d\n", original[2], sum_elsewhere());
    return 0;
}
